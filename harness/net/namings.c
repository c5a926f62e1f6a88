/* Tables of names. */
#include "namings.h"

static const NameRule HUGGING_FACE_CLIP[] = {
    {"visual.class_embedding", "vision_model.embeddings.class_embedding", 0},
    {"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight", 0},
    {"visual.conv1.", "vision_model.embeddings.patch_embedding.", 0},
    {"visual.ln_pre.", "vision_model.pre_layrnorm.", 0}, /* as it is spelled there */
    {"visual.ln_post.", "vision_model.post_layernorm.", 0},
    {"visual.transformer.resblocks.", "vision_model.encoder.layers.", 0},
    {"visual.proj", "visual_projection.weight", NAME_TRANSPOSED},
    {"token_embedding.", "text_model.embeddings.token_embedding.", 0},
    {"positional_embedding", "text_model.embeddings.position_embedding.weight", 0},
    {"transformer.resblocks.", "text_model.encoder.layers.", 0},
    {"ln_final.", "text_model.final_layer_norm.", 0},
    {"text_projection", "text_projection.weight", NAME_TRANSPOSED},
    {".attn.in_proj_", ".self_attn.{qkv}_proj.", 0},
    {".attn.out_proj.", ".self_attn.out_proj.", 0},
    {".ln_1.", ".layer_norm1.", 0},
    {".ln_2.", ".layer_norm2.", 0},
    {".mlp.c_fc.", ".mlp.fc1.", 0},
    {".mlp.c_proj.", ".mlp.fc2.", 0},
};

const ParamNaming NAMING_HUGGING_FACE_CLIP = {
    .probe = "text_model.embeddings.token_embedding.weight",
    .rules = HUGGING_FACE_CLIP,
    .n_rules = sizeof HUGGING_FACE_CLIP / sizeof *HUGGING_FACE_CLIP,
    .ignored = "position_ids"}; /* 0, 1, 2, ...: saved by older versions */

static const NameRule TORCHVISION_VIT[] = {
    {"cls_token", "class_token", 0},
    {"pos_embed", "encoder.pos_embedding", 0},
    {"patch_embed.proj.", "conv_proj.", 0},
    {"blocks.", "encoder.layers.encoder_layer_", 0},
    {".norm1.", ".ln_1.", 0},
    {".norm2.", ".ln_2.", 0},
    {".attn.qkv.", ".self_attention.in_proj_", 0},
    {".attn.proj.", ".self_attention.out_proj.", 0},
    {".mlp.fc1.", ".mlp.0.", 0},
    {".mlp.fc2.", ".mlp.3.", 0},
    {"head.", "heads.head.", 0},
    {"norm.", "encoder.ln.", 0}, /* the last: the blocks' norms have got other names by then */
};

const ParamNaming NAMING_TORCHVISION_VIT = {.probe = "encoder.layers.encoder_layer_0.mlp.0.weight",
                                            .rules = TORCHVISION_VIT,
                                            .n_rules =
                                                sizeof TORCHVISION_VIT / sizeof *TORCHVISION_VIT};

static const NameRule OLD_TORCHVISION_VIT[] = {
    {".mlp.0.", ".mlp.linear_1.", 0},
    {".mlp.3.", ".mlp.linear_2.", 0},
};

const ParamNaming NAMING_OLD_TORCHVISION_VIT = {
    .base = &NAMING_TORCHVISION_VIT,
    .probe = "encoder.layers.encoder_layer_0.mlp.linear_1.weight",
    .rules = OLD_TORCHVISION_VIT,
    .n_rules = sizeof OLD_TORCHVISION_VIT / sizeof *OLD_TORCHVISION_VIT};

static const NameRule HUGGING_FACE_VIT[] = {
    {"cls_token", "vit.embeddings.cls_token", 0},
    {"pos_embed", "vit.embeddings.position_embeddings", 0},
    {"patch_embed.proj.", "vit.embeddings.patch_embeddings.projection.", 0},
    {"blocks.", "vit.encoder.layer.", 0},
    {".norm1.", ".layernorm_before.", 0},
    {".norm2.", ".layernorm_after.", 0},
    {".attn.qkv.", ".attention.attention.{query}.", 0},
    {".attn.proj.", ".attention.output.dense.", 0},
    {".mlp.fc1.", ".intermediate.dense.", 0},
    {".mlp.fc2.", ".output.dense.", 0},
    {"head.", "classifier.", 0},
    {"norm.", "vit.layernorm.", 0}, /* the last: the blocks' norms have got other names by then */
};

const ParamNaming NAMING_HUGGING_FACE_VIT = {.probe = "vit.embeddings.cls_token",
                                             .rules = HUGGING_FACE_VIT,
                                             .n_rules = sizeof HUGGING_FACE_VIT /
                                                        sizeof *HUGGING_FACE_VIT};
