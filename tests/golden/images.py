"""Small image files of every kind, good and bad, and the RGB bytes that are to come out of the good ones.

    python3 tests/golden/images.py        (Pillow 9.4.0, NumPy 1.24.2; writes images.safetensors)

`file.NAME` u8: the file. `rgb.NAME` u8 [H, W, 3]: what Pillow reads from it, converted to RGB (alpha dropped, EXIF's
orientation not applied); for 16 bits, which Pillow doesn't read as RGB, round(v / 257) of what was written. A file
without `rgb.` is to be refused. What Pillow can't write (interlaced and 16-bit PNG, 4-bit and downward BMP, TIFFs of
several strips of 16 bits, with separate planes or in tiles) is put together here by hand.
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from fill import fill
from st import save

W, H = 13, 9


def noise(name, *shape, top=256):
    return np.floor(fill(f"images.{name}", shape, 0, top)).astype(np.uint16 if top > 256 else np.uint8)


def encode(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def rows_of(samples):
    """Rows of big-endian samples, each after a 0 for "no filter"."""
    return b"".join(b"\0" + row.astype(samples.dtype.newbyteorder(">")).tobytes() for row in samples)


def png(samples, color, interlaced=False, extra=b""):
    """`samples` [H, W] or [H, W, C] of uint8 or uint16."""
    height, width = samples.shape[:2]
    data = rows_of(samples)
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        data = b"".join(rows_of(samples[y::dy, x::dx]) for x, y, dx, dy in passes if samples[y::dy, x::dx].size)
    head = struct.pack(">IIBBBBB", width, height, 8 * samples.itemsize, color, 0, 0, interlaced)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bmp(rows, bits, height, palette=b""):
    start = 54 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, W, height, 1, bits, 0, len(rows), 0, 0, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + info + palette + rows


def tiff(width, height, channels, bits, photometric, pieces, **tags):
    """Big-endian. `pieces`: strips of 4 rows (or what `tags` says), one after another."""
    entries = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: channels, 278: 4, 284: 1,
               **{int(tag[1:]): value for tag, value in tags.items()}}
    places = np.cumsum([8] + [len(piece) for piece in pieces])
    tiled = 322 in entries
    entries[324 if tiled else 273] = list(places[:-1])
    entries[325 if tiled else 279] = [len(piece) for piece in pieces]
    if tiled:
        del entries[278]
    end = int(places[-1]) + places[-1] % 2
    extra, directory = b"", struct.pack(">H", len(entries))
    for tag, value in sorted(entries.items()):
        values = value if isinstance(value, list) else [value]
        data = struct.pack(f">{len(values)}I", *values)
        if len(data) > 4:
            at = end + 2 + 12 * len(entries) + 4 + len(extra)
            extra, data = extra + data, struct.pack(">I", at)
        directory += struct.pack(">HHI", tag, 4, len(values)) + data
    body = b"".join(pieces)
    return b"MM\0*" + struct.pack(">I", end) + body.ljust(end - 8, b"\0") + directory + b"\0\0\0\0" + extra


def strips(samples):
    big = samples.astype(samples.dtype.newbyteorder(">"))
    return [big[y : y + 4].tobytes() for y in range(0, len(big), 4)]


def three(grey):
    return np.repeat(grey[..., None], 3, -1)


def to8(samples):
    return np.round(samples / 257).astype(np.uint8)


def collect():
    """(name, file, expected RGB; None: what Pillow says; False: to be refused)"""
    rgb, grey, alpha = noise("rgb", H, W, 3), noise("grey", H, W), noise("alpha", H, W)
    color = Image.fromarray(rgb)
    rgba, la = Image.fromarray(np.dstack([rgb, alpha])), Image.fromarray(np.dstack([grey, alpha]), "LA")
    bilevel = Image.fromarray(grey > 128)
    wide = noise("wide", H, W, 4, top=65536)
    wide[0, 0], wide[0, 1] = [0, 128, 129, 65535], [65534, 65535, 257 * 7 + 128, 257 * 7 + 129]

    def palette(count):
        image = Image.fromarray(noise(f"index.{count}", H, W, top=count), "P")
        image.putpalette(noise(f"palette.{count}", 3 * count).tolist())
        return image

    clear = palette(16)
    clear.info["transparency"] = bytes(range(0, 160, 10))
    yield "png.rgb", encode(color, "PNG"), None
    yield "png.grey", encode(Image.fromarray(grey), "PNG"), None
    yield "png.rgba", encode(rgba, "PNG"), rgb
    yield "png.grey_alpha", encode(la, "PNG"), three(grey)
    yield "png.1bit", encode(bilevel, "PNG"), None
    for bits in [1, 2, 4, 8]:
        yield f"png.palette{bits}", encode(palette(2**bits), "PNG", bits=bits), None
    yield "png.palette_transparent", encode(clear, "PNG", transparency=clear.info["transparency"]), None
    for bits in [2, 4]:
        levels = noise(f"levels{bits}", H, W, top=2**bits)
        packed = np.packbits(np.unpackbits(levels[..., None], 2)[..., 8 - bits :].reshape(H, -1), 1)
        file = bytearray(png(packed, 0))
        file[16:20], file[24] = struct.pack(">I", W), bits
        file[29:33] = struct.pack(">I", zlib.crc32(file[12:29]))
        yield f"png.grey{bits}", bytes(file), three((levels.astype(int) * 255 // (2**bits - 1)).astype(np.uint8))
    yield "png.grey16", png(wide[..., 0], 0), three(to8(wide[..., 0]))
    yield "png.grey_alpha16", png(wide[..., :2], 4), three(to8(wide[..., 0]))
    yield "png.rgb16", png(wide[..., :3], 2), to8(wide[..., :3])
    yield "png.rgba16", png(wide, 6), to8(wide[..., :3])
    yield "png.interlaced", png(rgb, 2, True), None
    yield "png.interlaced16", png(wide[..., :3], 2, True), to8(wide[..., :3])
    # A suggested palette and a colour to be taken for transparent change nothing.
    yield "png.rgb_extras", png(rgb, 2, extra=chunk(b"PLTE", bytes(range(9))) + chunk(b"tRNS", bytes(6))), rgb
    yield "png.animated", encode(color, "PNG", save_all=True, append_images=[rgba.convert("RGB")]), False
    yield "png.index_too_large", png(grey, 3, extra=chunk(b"PLTE", bytes(range(9)))), False

    smooth = color.resize((40, 24), Image.BICUBIC)
    turned = Image.Exif()
    turned[0x0112] = 6
    yield "jpeg.rgb", encode(smooth, "JPEG", quality=90), None
    yield "jpeg.subsampled", encode(smooth, "JPEG", quality=60, subsampling=2), None
    yield "jpeg.full", encode(smooth, "JPEG", quality=95, subsampling=0), None
    yield "jpeg.progressive", encode(smooth, "JPEG", progressive=True), None
    yield "jpeg.grey", encode(smooth.convert("L"), "JPEG"), None
    yield "jpeg.turned", encode(smooth, "JPEG", exif=turned), None
    yield "jpeg.cmyk", encode(smooth.convert("CMYK"), "JPEG"), False

    yield "bmp.rgb", encode(color, "BMP"), None
    yield "bmp.grey", encode(Image.fromarray(grey), "BMP"), None
    yield "bmp.palette", encode(palette(200), "BMP"), None
    yield "bmp.1bit", encode(bilevel, "BMP"), None
    yield "bmp.rgba", encode(rgba, "BMP"), rgb
    yield "bmp.32bit", bmp(np.dstack([rgb[::-1, :, ::-1], alpha]).tobytes(), 32, H), rgb
    rows = np.pad(rgb[..., ::-1].reshape(H, -1), ((0, 0), (0, -3 * W % 4))).tobytes()
    yield "bmp.downward", bmp(rows, 24, -H), rgb
    index, colors = noise("bmp4", H, W, top=16), noise("bmp4.palette", 16, 4)
    padded = np.pad(index, ((0, 0), (0, -W % 8)))
    rows = (padded[::-1, ::2] << 4 | padded[::-1, 1::2]).tobytes()
    yield "bmp.4bit", bmp(rows, 4, H, colors.tobytes()), colors[..., 2::-1][index]
    yield "bmp.16bit", bmp(bytes(2 * (W + 1) * H), 16, H), False

    yield "tiff.rgb", encode(color, "TIFF"), None
    yield "tiff.grey", encode(Image.fromarray(grey), "TIFF"), None
    yield "tiff.rgba", encode(rgba, "TIFF"), rgb
    yield "tiff.1bit", encode(bilevel, "TIFF"), None
    yield "tiff.palette", encode(palette(256), "TIFF"), None
    yield "tiff.lzw", encode(color, "TIFF", compression="tiff_lzw"), None
    yield "tiff.deflate", encode(color, "TIFF", compression="tiff_adobe_deflate"), None
    yield "tiff.packbits", encode(color, "TIFF", compression="packbits"), False
    yield "tiff.jpeg", encode(color, "TIFF", compression="jpeg"), False
    yield "tiff.grey16", encode(Image.fromarray(wide[..., 0]), "TIFF"), three(to8(wide[..., 0]))
    yield "tiff.rgb16", tiff(W, H, 3, 16, 2, strips(wide[..., :3])), to8(wide[..., :3])
    yield "tiff.white_is_zero", tiff(W, H, 1, 8, 0, strips(grey)), three(255 - grey)
    tile = np.pad(grey, ((0, 16 - H), (0, 16 - W))).tobytes()
    yield "tiff.tile", tiff(W, H, 1, 8, 1, [tile], t322=16, t323=16), three(grey)
    yield "tiff.color_tile", tiff(W, H, 3, 8, 2, [tile * 3], t322=16, t323=16), False
    yield "tiff.huge_tile", tiff(W, H, 1, 8, 1, [tile], t322=2**31, t323=16), False
    yield "tiff.planes", tiff(W, H, 3, 8, 2, [rgb[..., c].tobytes() for c in range(3)], t278=H, t284=2), False
    yield "tiff.too_few_strips", tiff(W, H, 1, 8, 1, strips(grey)[:2]), False
    yield "tiff.short_strip", tiff(W, H, 1, 8, 1, strips(grey)[:2] + [b""]), False
    yield "tiff.signed", tiff(W, H, 1, 8, 1, strips(grey), t339=2), False
    yield "tiff.float", encode(Image.fromarray(fill("images.float", (H, W))), "TIFF"), False
    yield "tiff.pages", encode(color, "TIFF", save_all=True, append_images=[color]), False
    yield "gif", encode(palette(16), "GIF"), False
    yield "webp", encode(color, "WEBP"), False


if __name__ == "__main__":
    tensors = {}
    for name, file, expected in collect():
        tensors[f"file.{name}"] = np.frombuffer(file, np.uint8)
        if expected is None:
            expected = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        if expected is not False:
            assert expected.dtype == np.uint8
            tensors[f"rgb.{name}"] = expected
    save(Path(__file__).parent / "images.safetensors", tensors)
