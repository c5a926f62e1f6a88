#!/usr/bin/python3
"""Writes tests/golden/datasets: what PIL and torchvision make of one image, and small files of every kind, good and bad.

usage: scripts/golden/datasets.py tests/golden/datasets     (Debian's python3-torchvision; only to regenerate)
"""
import io
import pathlib
import struct
import sys
import zlib

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms import InterpolationMode

OUT = pathlib.Path(sys.argv[1])
SEED = 20


def picture(width, height):
    """Smooth colours, edges, flat grey, saturated and noisy parts."""
    rng = np.random.RandomState(SEED)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    image = np.stack([128 + 110 * np.sin(x / 7 + y / 11), 255 * x / width, 255 * y / height], axis=2)
    image[5:15, 5:15] = (250, 20, 30)
    image[20:30, 8:20] = 90
    image[2:12, 25:40] = (5, 5, 5)
    image[25:35, 28:44] += rng.normal(0, 60, (10, 16, 3))
    return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))


def transforms(image):
    bilinear = InterpolationMode.BILINEAR
    yield "resize_32x32", F.resize(image, [32, 32], bilinear)
    yield "resize_64x17", F.resize(image, [17, 64], bilinear)
    yield "resize_7x5", F.resize(image, [5, 7], bilinear)
    yield "crop_3_2_37x31_to_32x32", F.resized_crop(image, 2, 3, 31, 37, [32, 32], bilinear)
    bicubic = InterpolationMode.BICUBIC
    yield "bicubic_32x32", F.resize(image, [32, 32], bicubic)
    yield "bicubic_64x17", F.resize(image, [17, 64], bicubic)
    yield "bicubic_7x5", F.resize(image, [5, 7], bicubic)
    # CLIP's: the shorter side, then the central square; widths and heights whose halves end in .5 on both sides of even.
    for width, height, size in ((48, 40, 32), (37, 40, 18), (48, 21, 16), (38, 32, 16), (20, 29, 48)):
        cut = image.crop((0, 0, width, height))
        yield f"clip_{width}x{height}_to_{size}", F.center_crop(F.resize(cut, size, bicubic), size)
    yield "crop_bilinear_48x21_to_16", F.center_crop(F.resize(image.crop((0, 0, 48, 21)), 16, bilinear), 16)
    yield "flip", F.hflip(image)
    for name, function in (("brightness", F.adjust_brightness), ("contrast", F.adjust_contrast),
                           ("saturation", F.adjust_saturation)):
        for percent in (70, 130):
            yield f"{name}_{percent}", function(image, percent / 100)
    for percent in (-30, 10, 30):
        yield f"hue_{percent}", F.adjust_hue(image, percent / 100)
    yield "grey", F.rgb_to_grayscale(image, 3)


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def png_16bit(width, height, channels):
    """Samples (x * 256 * 16 + y), written by hand because PIL has no 16-bit RGB."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"".join(struct.pack(">H", x * 4096 + y) * channels for x in range(width))
                    for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def files(image):
    small = image.resize((12, 10))
    alpha = small.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(small.size))
    jpeg, png = encoded(small, format="JPEG", quality=90), encoded(small, format="PNG")
    gif = encoded(small.quantize(16), format="GIF")
    bmp = encoded(small, format="BMP")
    grey = small.convert("L")
    grey_jpeg = encoded(grey, format="JPEG")
    white = Image.new("RGB", small.size, (255, 255, 255))
    white.paste(small, mask=alpha.getchannel("A"))
    return {
        "small.ppm": encoded(small, format="PPM"), "small.png": png, "small.bmp": bmp,
        "small.tga": encoded(small, format="TGA"), "small.jpg": jpeg,
        "small_jpg.ppm": encoded(Image.open(io.BytesIO(jpeg)), format="PPM"),
        "small.gif": gif, "small_gif.ppm": encoded(Image.open(io.BytesIO(gif)).convert("RGB"), format="PPM"),
        "palette.png": encoded(small.quantize(16), format="PNG"),
        "grey.png": encoded(grey, format="PNG"), "grey.jpg": grey_jpeg,
        "grey_jpg.pgm": encoded(Image.open(io.BytesIO(grey_jpeg)), format="PPM"),
        "grey.pgm": encoded(grey, format="PPM"),
        "alpha.png": encoded(alpha, format="PNG"), "alpha_on_white.ppm": encoded(white, format="PPM"),
        "opaque.png": encoded(small.convert("RGBA"), format="PNG"),
        "rgb16.png": png_16bit(12, 10, 3), "grey16.png": png_16bit(12, 10, 1),
        "cmyk.jpg": encoded(small.convert("CMYK"), format="JPEG"),
        "truncated.jpg": jpeg[:len(jpeg) * 2 // 3], "truncated.png": png[:len(png) * 2 // 3],
        "truncated.bmp": bmp[:len(bmp) * 2 // 3], "truncated.gif": gif[:len(gif) * 2 // 3],
        "small.webp": encoded(small, format="WEBP"), "small.tif": encoded(small, format="TIFF"),
        "no_image.png": b"this is not an image\n",
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    image = picture(48, 40)
    image.save(OUT / "picture.ppm")
    for name, result in transforms(image):
        result.save(OUT / f"{name}.ppm")
    digit = image.convert("L").resize((28, 28))
    digit.save(OUT / "digit.pgm")
    for angle in (15, 75, 90):
        F.rotate(digit, angle, InterpolationMode.BILINEAR, fill=(0,)).save(OUT / f"rotate_{angle}.pgm")
    for name, data in files(image).items():
        (OUT / name).write_bytes(data)
    (OUT / "MADE-BY.txt").write_text(
        "scripts/golden/datasets.py tests/golden/datasets\n"
        f"PIL {PIL.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}, seed {SEED}\n")


main()
