"""Small image files of every kind, good and bad, and the RGB bytes that are to come out of the good ones.

    python3 tests/golden/images.py        (Pillow 9.4.0, NumPy 1.24.2; writes images.safetensors)

`file.NAME` u8: the file. `rgb.NAME` u8 [H, W, 3]: what Pillow reads from it, as RGB on black, upright as EXIF wants it; for
16 bits, which Pillow doesn't read as RGB, round(v / 257) of what was written, and for floats 255 times it. A file
without `rgb.` is to be refused. What Pillow can't write (interlaced and 16-bit PNG, 4-bit and downward BMP, TIFFs of
several strips of 16 bits, with separate planes or in tiles, BigTIFF, odd JPEGs) is put together here by hand.
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

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


def big_tiff(width, height, samples):
    """Grey of 8 bits, one strip, numbers of 8 bytes."""
    entries = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 16), (277, 1), (278, height), (279, samples.size)]
    data = samples.tobytes().ljust(-(-samples.size // 8) * 8, b"\0")
    directory = struct.pack("<Q", len(entries)) + b"".join(struct.pack("<HHQQ", t, 16, 1, v) for t, v in entries)
    return b"II+\0" + struct.pack("<HHQ", 8, 0, 16 + len(data)) + data + directory + struct.pack("<Q", 0)


def bits_of(samples, bits):
    """Rows of samples of less than a byte."""
    return np.packbits(np.unpackbits(samples[..., None], 2)[..., 8 - bits :].reshape(len(samples), -1), 1)


def interlaced_bits(samples, bits, color, extra=b""):
    """PNG of less than 8 bits a sample, each row of a pass filtered by the one above."""
    height, width = samples.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x, y, dx, dy in passes:
        if not samples[y::dy, x::dx].size:
            continue
        rows = bits_of(samples[y::dy, x::dx], bits)
        above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
        data += b"".join(b"\2" + row.tobytes() for row in rows - above)
    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 1)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def damaged(name, data):
    """A chunk whose checksum is wrong."""
    return chunk(name, data)[:-1] + b"?"


def restarted(levels, stray=b""):
    """A grey JPEG of 8×8 blocks of one level each, a restart after every block; `stray` goes before the second."""
    height, width = levels.shape
    quantizer, frame = bytes([0]) + bytes([8]) * 64, struct.pack(">BHHBBBB", 8, 8 * height, 8 * width, 1, 1, 0x11, 0)
    # Codes of 4 bits for the differences' sizes 0 to 11; one bit for "the rest is 0".
    huffman = bytes([0, 0, 0, 0, 12] + [0] * 12) + bytes(range(12)) + bytes([0x10, 1] + [0] * 15) + b"\0"
    parts = [(0xDB, quantizer), (0xC0, frame), (0xC4, huffman), (0xDD, struct.pack(">H", 1)), (0xDA, bytes([1, 1, 0, 0, 63, 0]))]
    file = b"\xff\xd8" + b"".join(bytes([0xFF, m]) + struct.pack(">H", 2 + len(data)) + data for m, data in parts)
    for i, level in enumerate(levels.ravel().astype(int) - 128):
        size = int(abs(level)).bit_length()
        value = level if level >= 0 else level + 2**size - 1
        bits = f"{size:04b}" + (f"{value:0{size}b}" if size else "") + "0"
        bits += "1" * (-len(bits) % 8)
        file += int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
        file += b"" if i + 1 == levels.size else (stray if i == 1 else b"") + bytes([0xFF, 0xD0 + i % 8])
    return file + b"\xff\xd9"


def riff(*chunks):
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def exif(orientation):
    entries = Image.Exif()
    entries[0x0112] = orientation
    return entries


def read(file):
    """What Pillow makes of a file: upright, on black."""
    image = Image.open(io.BytesIO(file))
    image.load()  # turns TIFFs
    image = image if image.format == "TIFF" else ImageOps.exif_transpose(image)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA")).astype(int)
        return np.floor(pixels[..., :3] * pixels[..., 3:] / 255 + 0.5).astype(np.uint8)
    return np.asarray(image.convert("RGB"))


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
    yield "png.rgba", encode(rgba, "PNG"), None
    yield "png.grey_alpha", encode(la, "PNG"), None
    yield "png.1bit", encode(bilevel, "PNG"), None
    for bits in [1, 2, 4, 8]:
        yield f"png.palette{bits}", encode(palette(2**bits), "PNG", bits=bits), None
    yield "png.palette_transparent", encode(clear, "PNG", transparency=clear.info["transparency"]), None
    for bits in [2, 4]:
        levels = noise(f"levels{bits}", H, W, top=2**bits)
        packed = bits_of(levels, bits)
        file = bytearray(png(packed, 0))
        file[16:20], file[24] = struct.pack(">I", W), bits
        file[29:33] = struct.pack(">I", zlib.crc32(file[12:29]))
        yield f"png.grey{bits}", bytes(file), three((levels.astype(int) * 255 // (2**bits - 1)).astype(np.uint8))
    yield "png.grey16", png(wide[..., 0], 0), three(to8(wide[..., 0]))
    yield "png.grey_alpha16", png(wide[..., :2], 4), three(to8(wide[..., 0] * (wide[..., 1] / 65535)))
    yield "png.rgb16", png(wide[..., :3], 2), to8(wide[..., :3])
    yield "png.rgba16", png(wide, 6), to8(wide[..., :3] * (wide[..., 3:] / 65535))
    yield "png.interlaced", png(rgb, 2, True), None
    yield "png.interlaced16", png(wide[..., :3], 2, True), to8(wide[..., :3])
    # A suggested palette and a colour to be taken for transparent change nothing.
    yield "png.rgb_extras", png(rgb, 2, extra=chunk(b"PLTE", bytes(range(9))) + chunk(b"tRNS", bytes(6))), rgb
    yield "png.animated", encode(color, "PNG", save_all=True, append_images=[rgba.convert("RGB")]), rgb
    transparent = chunk(b"tRNS", struct.pack(">3H", *rgb[2, 3])), (rgb == rgb[2, 3]).all(-1, keepdims=True)
    yield "png.transparent_color", png(rgb, 2, extra=transparent[0]), np.where(transparent[1], 0, rgb).astype(np.uint8)
    for bits in [1, 2, 4]:
        levels = noise(f"interlaced{bits}", H, W, top=2**bits)
        yield f"png.interlaced_grey{bits}", interlaced_bits(levels, bits, 0), None
        plte = chunk(b"PLTE", noise(f"interlaced.palette{bits}", 3 * 2**bits).tobytes())
        yield f"png.interlaced_palette{bits}", interlaced_bits(levels, bits, 3, plte), None
    yield "png.turned", png(rgb, 2, extra=chunk(b"eXIf", exif(8).tobytes()[6:])), None
    odd = [(b"iCCP", b"no profile"), (b"pHYs", b"\0\0"), (b"tEXt", b"\0"), (b"gAMA", b""), (b"eXIf", b"II")]
    yield "png.odd_chunks", png(rgb, 2, extra=b"".join(chunk(*each) for each in odd)), rgb
    yield "png.damaged_chunks", png(rgb, 2, extra=b"".join(damaged(*each) for each in odd)), rgb
    yield "png.damaged_palette", png(grey, 3, extra=damaged(b"PLTE", bytes(range(256)) * 3)), False
    yield "png.index_too_large", png(grey, 3, extra=chunk(b"PLTE", bytes(range(9)))), False

    smooth = color.resize((40, 24), Image.BICUBIC)
    yield "jpeg.rgb", encode(smooth, "JPEG", quality=90), None
    yield "jpeg.subsampled", encode(smooth, "JPEG", quality=60, subsampling=2), None
    yield "jpeg.full", encode(smooth, "JPEG", quality=95, subsampling=0), None
    yield "jpeg.progressive", encode(smooth, "JPEG", progressive=True), None
    yield "jpeg.grey", encode(smooth.convert("L"), "JPEG"), None
    for turn in range(1, 9):
        yield f"jpeg.turned{turn}", encode(smooth, "JPEG", quality=90, exif=exif(turn)), None
    cmyk = encode(smooth.convert("CMYK"), "JPEG", quality=90)
    adobe = cmyk.index(b"Adobe") - 4
    yield "jpeg.cmyk", cmyk, None
    yield "jpeg.cmyk_progressive", encode(smooth.convert("CMYK"), "JPEG", progressive=True), None
    yield "jpeg.cmyk_unsaid", cmyk[:adobe] + cmyk[adobe + 16 :], None
    yield "jpeg.ycck", cmyk[: adobe + 15] + b"\2" + cmyk[adobe + 16 :], None
    plain = encode(smooth, "JPEG", quality=90)
    frame = plain.index(b"\xff\xc0")
    yield "jpeg.stray_bytes", plain[:frame] + b"\0stray" + plain[frame:], np.asarray(Image.open(io.BytesIO(plain)))
    yield "jpeg.padded_end", plain[:-2] + bytes(5) + plain[-2:], np.asarray(Image.open(io.BytesIO(plain)))
    levels = noise("restarted", 2, 3, top=200)
    blocks = np.repeat(np.repeat(levels, 8, 0), 8, 1)
    yield "jpeg.restarts", restarted(levels), three(blocks)
    yield "jpeg.stray_before_restart", restarted(levels, b"\x12\x34\x56"), three(blocks)
    whole = restarted(levels)
    lost = whole.index(b"\xff\xd2")
    yield "jpeg.lost_restart", whole[: lost - 2] + whole[lost + 2 :], False
    yield "jpeg.no_end", plain[:-2], np.asarray(Image.open(io.BytesIO(plain)))
    progressive = encode(smooth, "JPEG", progressive=True)
    yield "jpeg.no_end_progressive", progressive[:-2], np.asarray(Image.open(io.BytesIO(progressive)))
    yield "jpeg.no_last_scan", progressive[: progressive.rindex(b"\xff\xda")], False
    yield "jpeg.cut", plain[: len(plain) * 2 // 3], False
    yield "jpeg.cut_with_end", plain[: len(plain) * 2 // 3] + b"\xff\xd9", False

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
    yield "tiff.rgba", encode(rgba, "TIFF"), None
    yield "tiff.1bit", encode(bilevel, "TIFF"), None
    yield "tiff.palette", encode(palette(256), "TIFF"), None
    yield "tiff.lzw", encode(color, "TIFF", compression="tiff_lzw"), None
    yield "tiff.deflate", encode(color, "TIFF", compression="tiff_adobe_deflate"), None
    yield "tiff.zstandard", encode(color, "TIFF", compression="zstd"), False
    yield "tiff.webp", encode(color, "TIFF", compression="webp"), False
    yield "tiff.packbits", encode(color, "TIFF", compression="packbits"), None
    yield "tiff.packbits1", encode(bilevel, "TIFF", compression="packbits"), None
    yield "tiff.jpeg", encode(smooth, "TIFF", compression="jpeg"), None
    yield "tiff.jpeg_grey", encode(smooth.convert("L"), "TIFF", compression="jpeg"), None
    yield "tiff.lzw_differences", encode(color, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}), None
    yield "tiff.cmyk", encode(smooth.convert("CMYK"), "TIFF"), None
    yield "tiff.turned", encode(color, "TIFF", tiffinfo={274: 6}), None
    lengths = noise("runs", 40, top=700)
    runs = np.resize(np.repeat(np.arange(40) % 2, lengths), (9, 1501)).astype(bool)
    runs[:, 700:720] = grey[:, :1] > 128
    for name, picture in [("bits", bilevel), ("runs", Image.fromarray(runs))]:
        yield f"tiff.fax_huffman_{name}", encode(picture, "TIFF", compression="tiff_ccitt"), None
        yield f"tiff.fax3_{name}", encode(picture, "TIFF", compression="group3"), None
        yield f"tiff.fax3_2d_{name}", encode(picture, "TIFF", compression="group3", tiffinfo={292: 1}), None
        yield f"tiff.fax4_{name}", encode(picture, "TIFF", compression="group4", tiffinfo={278: 4}), None
    yield "tiff.big", big_tiff(W, H, grey), three(grey)
    for bits in [2, 4]:
        levels = noise(f"tiff{bits}", H, W, top=2**bits)
        packed, tags = [bits_of(levels, bits).tobytes()], {"t278": H}
        yield f"tiff.grey{bits}", tiff(W, H, 1, bits, 1, packed, **tags), three(levels * (255 // (2**bits - 1)))
        colors = noise(f"tiff.palette{bits}", 3, 2**bits)
        tags["t320"] = [int(v) * 257 for v in colors.ravel()]
        yield f"tiff.palette{bits}", tiff(W, H, 1, bits, 3, packed, **tags), colors.T[levels]
    yield "tiff.grey16", encode(Image.fromarray(wide[..., 0]), "TIFF"), three(to8(wide[..., 0]))
    yield "tiff.rgb16", tiff(W, H, 3, 16, 2, strips(wide[..., :3])), to8(wide[..., :3])
    yield "tiff.white_is_zero", tiff(W, H, 1, 8, 0, strips(grey)), three(255 - grey)
    tile = np.pad(grey, ((0, 16 - H), (0, 16 - W))).tobytes()
    yield "tiff.tile", tiff(W, H, 1, 8, 1, [tile], t322=16, t323=16), three(grey)
    tile3 = np.pad(rgb, ((0, 16 - H), (0, 16 - W), (0, 0))).tobytes()
    yield "tiff.color_tile", tiff(W, H, 3, 8, 2, [tile3], t322=16, t323=16), rgb
    yield "tiff.huge_tile", tiff(W, H, 1, 8, 1, [tile], t322=2**31, t323=16), False
    yield "tiff.planes", tiff(W, H, 3, 8, 2, [rgb[..., c].tobytes() for c in range(3)], t278=H, t284=2), rgb
    yield "tiff.too_few_strips", tiff(W, H, 1, 8, 1, strips(grey)[:2]), False
    yield "tiff.short_strip", tiff(W, H, 1, 8, 1, strips(grey)[:2] + [b""]), False
    yield "tiff.signed", tiff(W, H, 1, 8, 1, strips(grey), t339=2), False
    share = fill("images.float", (H, W), -0.1, 1)
    yield "tiff.float", encode(Image.fromarray(share), "TIFF"), three(np.floor(share.clip(0) * 255 + 0.5).astype(np.uint8))
    yield "tiff.float255", encode(Image.fromarray(grey.astype(np.float32)), "TIFF"), three(grey)
    yield "tiff.int32", encode(Image.fromarray(grey.astype(np.int32)), "TIFF"), three(grey)
    not_a_number = grey.astype(np.float32)
    not_a_number[3, 4] = np.nan
    yield "tiff.nan", encode(Image.fromarray(not_a_number), "TIFF"), False
    yield "tiff.ycbcr", encode(smooth.convert("YCbCr"), "TIFF"), False
    yield "tiff.pages", encode(color, "TIFF", save_all=True, append_images=[color.rotate(180)]), rgb
    for kind, options in [("lossless", {"lossless": True}), ("lossy", {"quality": 80})]:
        yield f"webp.{kind}", encode(smooth, "WEBP", **options), None
        see_through = rgba.resize((40, 24), Image.BICUBIC)
        yield f"webp.{kind}_alpha", encode(see_through, "WEBP", exact=True, **options), None
    still = encode(smooth, "WEBP", lossless=True)
    yield "webp.turned", encode(smooth, "WEBP", lossless=True, exif=exif(6)), None
    yield "webp.animated", encode(smooth, "WEBP", lossless=True, save_all=True, append_images=[smooth.rotate(180)]), None
    yield "webp.cut", still[:-9], False
    # Says that it is small, and has a picture of 16384×16384.
    huge = b"\x2f" + struct.pack("<I", 16383 | 16383 << 14) + bytes(20)
    yield "webp.huge", riff((b"VP8L", huge)), False
    yield "webp.huge_inside", riff((b"VP8X", bytes(4) + b"\x0f\0\0\x0f\0\0"), (b"VP8L", huge)), False
    yield "gif.interlaced", encode(palette(16), "GIF", interlace=True), None
    yield "gif.plain", encode(palette(256), "GIF", interlace=False), None
    yield "gif.transparent", encode(palette(16), "GIF", transparency=5), None
    yield "gif.animated", encode(palette(16), "GIF", save_all=True, append_images=[palette(16).rotate(180)]), None
    gif = encode(palette(16), "GIF", interlace=False)
    yield "gif.cut", gif[: len(gif) * 2 // 3], False
    yield "gif.short", gif[:-4] + b"\0;", False
    yield "gif.huge", gif[:6] + b"\xff\xff\xff\xff" + gif[10:], False


if __name__ == "__main__":
    tensors = {}
    for name, file, expected in collect():
        tensors[f"file.{name}"] = np.frombuffer(file, np.uint8)
        if expected is None:
            expected = read(file)
        if expected is not False:
            assert expected.dtype == np.uint8
            tensors[f"rgb.{name}"] = expected
    save(Path(__file__).parent / "images.safetensors", tensors)
