"""Which pictures of which package belong to which class of pic-styles.

Folders do most of it; the lists below them take out what a person looking at the pictures would
not call a member of the class: placeholders, labels, diagrams, goods with text around them, parts
that stand for wholes. Patterns are those of fnmatch, over file names without their suffix.

A whale, dolphin or seal is a mammal in every domain, although emoji file them under "marine".
"""


def words(names):
    """The pictures that GCompris shows for these words, as entries of GCOMPRIS_DRAWINGS."""
    return tuple(("lang", f"words_sample/{name}.webp") for name in names.split())


# emoji and line: the classes of emoji-styles that all four domains can fill.
EMOJI_CLASSES = {
    "bird": r"animal-bird",
    "building": r"place-(building|religious)",
    "fish": r"animal-marine",
    "fruit-vegetable": r"food-(fruit|vegetable)",
    "mammal": r"animal-mammal",
    "plant": r"plant-(flower|other)",
    "tool": r"tool",
    "vehicle": r"transport-(ground|water|air)",
}

# Concepts that go to another class than their subgroup's, or (None) to no class.
EMOJI_EXCEPTIONS = {
    **dict.fromkeys(("whale", "spouting whale", "dolphin", "seal", "orca"), "mammal"),
    **dict.fromkeys((
        "feather", "wing", "paw prints", "pig nose",  # parts of animals
        "brick", "rock", "wood",  # what buildings are made of
        "empty nest", "nest with eggs",
        "bomb", "bow and arrow", "crossed swords", "dagger", "shield",  # weapons
        "anchor", "bus stop", "construction", "fuel pump", "horizontal traffic light", "motorway",
        "oil drum", "police car light", "railway track", "ring buoy", "seat", "stop sign",
        "vertical traffic light", "wheel",  # things met on the road
    )),
}

# Tux Paint stamps: class -> folders; which of them are photos is measured (see stamps.py).
STAMP_FOLDERS = {
    "bird": ("animals/birds",),
    "building": ("town/houses", "town/monuments", "town/cartoon"),
    "fish": ("animals/fish", "animals/shellfish"),
    "fruit-vegetable": ("food/fruit", "food/nuts", "food/spices", "food/vegetables"),
    "mammal": ("animals/mammals", "animals/marsupials"),
    "plant": ("plants",),
    "tool": ("household/tools",),
    "vehicle": ("vehicles", "military/vehicles"),
}

STAMP_REFUSED = {
    "bird": "penguin_with_spider*".split(),
    "building": (
        "cave_entrance docks fountain graveyard magic_stones mine shipwreck "
        "sword_in_the_stone totem wishing_well"
    ).split(),
    "mammal": "teddy_bear".split(),
    "tool": "cementmixer".split(),
    "vehicle": "7spoke256 bikewheel trainSign tyre_with_rim wheel_tractor".split(),
}

# GCompris photos: class -> (resource file, pattern of the path below the activity's resource/).
GCOMPRIS_PHOTOS = {
    "bird": (
        ("explore_world_animals", "animals/scarlet_macaw.webp"),
        ("explore_farm_animals", "animals/chicken.webp"),
        ("explore_farm_animals", "animals/duck.webp"),
        ("explore_farm_animals", "animals/owl.webp"),
    ),
    "building": (
        ("categorization", "images/monuments/*.webp"),
        ("categorization", "images/others/igloo.webp"),
        ("categorization", "images/renewable/windmill*.webp"),
    ),
    "fish": (("categorization", "images/fishes/*.webp"),),
    "mammal": (
        ("explore_farm_animals", "animals/*.webp"),
        ("explore_world_animals", "animals/*.webp"),
    ),
    "tool": (("categorization", "images/tools/*.webp"),),
}

# statues, a wind turbine; what else lives on farms and in the world; a bottle
GCOMPRIS_REFUSED = {
    "building": "christTheRedeemer mountRushmore windmill6".split(),
    "mammal": "chameleon chicken crocodile dragon duck owl scarlet_macaw".split(),
    "tool": "spray".split(),
}

# GCompris drawings: class -> (resource file, pattern).
GCOMPRIS_DRAWINGS = {
    "bird": (
        *words("bird chicken duck owl turkey"),
        ("memory", "05_penguin.svg"), ("memory", "10_chicken.svg"), ("memory", "11_redbird.svg"),
    ),
    "building": (
        ("babymatch", "images/castle.svg"), ("babymatch", "images/house.svg"),
        ("babymatch", "images/lighthouse.svg"),
    ),
    "fish": (
        *words("fish shark"),
        ("left_right_click", "fish.svg"), ("number_sequence", "fish2.svg"),
        ("reversecount", "fish-blue.svg"),
    ),
    "fruit-vegetable": words("apple apricot coconut fruit kiwi lemon melon orange peach pear plum "
                             "raspberry strawberry"),
    "mammal": words("bear bull camel cat cow dog dolphin fox giraffe gorilla hedgehog hippopotamus "
                    "horse kangaroo mouse panda pig rabbit rhinoceros sheep whale wolf"),
}

# openclipart: class -> folders, without their sub-folders, or single pictures.
OPENCLIPART = {
    "bird": ("animals/birds/*", "animals/birds/penguin/*", "animals/pinguino*",
             "animals/tux_head*"),
    "building": ("buildings/*", "buildings/homes/*"),
    "fish": ("animals/fish/*", "unsorted/pescetto*"),
    "fruit-vegetable": ("food/fruit/*", "food/vegetables/*", "plants/potato*"),
    "mammal": ("animals/mammals/*", "animals/mammals/bears/*", "animals/mammals/big_cats/*",
               "animals/mammals/dogs/*", "animals/mammals/horses/*",
               "animals/mammals/housecats/*", "animals/armadillo*", "animals/bison*",
               "animals/sailor_monkey*", "animals/seal*"),
    "plant": ("plants/*", "plants/flowers/*", "plants/trees/*", "plants/trees/evergreen/*"),
    "tool": ("tools/*",),
    "vehicle": ("transportation/vehicles/*", "transportation/boating/*"),
}

OPENCLIPART_REFUSED = {
    "bird": (
        "acquila_architetto_franc_04 contour_bat duck_yellow_ii* mirjam_meijer* stormo* "
        "turkey_on_platter* tux_didier* wing_mitchell*"
    ).split(),
    "building": "brick* capitello* old_sign* school_hallway* wall wall1".split(),
    "fish": "amibe* bluewhale* dolphin* kallisti* orca*".split(),
    "fruit-vegetable": (
        "*_mateya_* apple_juice* candied* eris* gumnut* juice_glass* kallisti* pie_* "
        "slate-apple* straw_tote* tile_orange* tree_whit* turkey_platter*"
    ).split(),
    "mammal": (
        "cat_scra* dolphin_01 elephant_outline* mechorse* mhooo* shaezy* skoynk* "
        "sleeping_bear* squeek* toro_al_tramonto*"
    ).split(),
    "plant": (
        "bowsaw* bypasspruner* cannabis* cayenne* champignon* christmas_balls* fiore_* "
        "gumnut* human* potato*"
    ).split(),
    "tool": (
        "airbrush* bottle* bucket_michael* cellular* compass_01 digital_camera* "
        "electric_lighter* gallows* green_burner* insecticide* kexi* lampada* mattone* "
        "metal_cage* natural_gas* nodding_donkey* nunchaku* orange_burner* pan_frouke* panel* "
        "pansement* route* scart* scolapasta* smoke* thermometer* umbrella"
    ).split(),
    "vehicle": (
        "autos_01 boating_rules* bus_01 crossroads curve_ahead cycle_lane cycle_route knot* "
        "lighthouse* parking* quay* sailboat_illustration_labels sailing_capsize* "
        "sailing_close* sailing_heel sailing_jibe sailing_points sailing_reaching "
        "sailing_running* sailing_tack* shelby* sledge* the_mad* toy_paper* wing_mitchell*"
    ).split(),
}
