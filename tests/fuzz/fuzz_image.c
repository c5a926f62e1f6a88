/* Image files: any bytes are either refused with a message or give an image of the size that was
 * announced. */
#include "fuzz_target.h"
#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const char *const places[] = {"fuzz.png",
                                         "fuzz.tga"}; /* TGA is known by its name only */
    for (int i = 0; i < 2; i++) {
        Err err = {.text = ""};
        Image image = {0};
        unsigned flags;
        int width, height;
        bool is_small = image_info(&width, &height, data, n_bytes, places[i], &err) &&
                        width * height <= 1 << 20;
        check(is_small || err.text[0] != '\0' || width * height > 1 << 20,
              "refused without a message");
        if (is_small && image_decode(&image, &flags, data, n_bytes, places[i], &err)) {
            check(image.width == width && image.height == height && image.channels == 3,
                  "%d x %d became %d x %d", width, height, image.width, image.height);
        } else if (is_small) {
            check(err.text[0] != '\0', "refused without a message");
        }
        image_done(&image);
    }
    return 0;
}
