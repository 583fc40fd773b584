#!/usr/bin/env python3
"""Makes the files in this folder with NumPy, Pillow and safetensors (from PyPI), for test/unit/test_data_files.c and
test_safetensors.c. Run it here."""
import gzip
import struct

import numpy as np
from PIL import Image

x = np.arange(6).reshape(2, 3)
for t in "f8 f4 i8 i4 i2 i1".split():
    np.save(f"n_{t}.npy", (x - 1).astype(t))
for t in "u8 u2 u1".split():
    np.save(f"n_{t}.npy", x.astype(t))
np.save("n_f2.npy", (x - 1).astype("f2") * np.float16(0.5))
np.save("n_u4.npy", (x + 2**31).astype("u4"))
np.save("n_b1.npy", x % 2 == 0)
np.save("n_be.npy", (x * 0.25).astype(">f8"))
np.save("n_fortran.npy", np.asfortranarray(x.astype("f8")))
np.save("n_scalar.npy", np.float64(2.5))
np.save("n_c16.npy", x.astype("c16"))
np.save("n_str.npy", np.array(["a", "b"]))
np.save("n_rec.npy", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
np.save("n_empty.npy", np.zeros((0, 3)))
for version, t in ((2, "f4"), (3, "i2")):
    with open(f"n_v{version}.npy", "wb") as f:
        np.lib.format.write_array(f, x.astype(t), version=(version, 0))
np.savez("stored.npz", X=x * 0.5, y=np.array([1, 0], dtype="i4"))
np.savez_compressed("deflated.npz", X=np.tile(x * 0.5, (3, 1)), y=np.arange(6))

# the same with sizes and places that did not fit 32 bits (APPNOTE.TXT 4.3.14, 4.3.15, 4.5.3), as of archives beyond 4 GB
raw = open("stored.npz", "rb").read()
count, size, at = struct.unpack("<HII", raw[-12:-2])
entry, out = raw[at : at + size], raw[:at]
while entry:
    packed, full, name, extra = struct.unpack("<IIHH", entry[20:32])
    local = entry[42:46]
    big = struct.pack("<HHQQ", 1, 24, full, packed) + local + bytes(4)
    out += entry[:20] + b"\xff" * 8 + struct.pack("<HH", name, len(big)) + entry[32:42] + b"\xff" * 4
    out += entry[46 : 46 + name] + big
    entry = entry[46 + name + extra :]
far = len(out)
out += b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, far - at, at)
out += b"PK\6\7" + struct.pack("<IQI", 0, far, 1) + b"PK\5\6" + b"\0" * 4 + b"\xff" * 12 + b"\0\0"
open("large.npz", "wb").write(out)

grey = np.array([[0, 50, 100], [150, 200, 255]], dtype="u1")
colour = np.stack([grey, 255 - grey, grey // 2], -1)
Image.fromarray(grey).save("grey.png")
Image.fromarray(colour).save("colour.png")
Image.fromarray(grey).convert("P").save("palette.png")
Image.fromarray(grey.astype("u2") * 257).save("grey16.png")
Image.fromarray(np.dstack([colour, grey])).save("alpha.png")
Image.fromarray(np.tile(grey, (4, 4))).save("grey.jpg", quality=95)
Image.fromarray(np.tile(colour, (4, 4, 1))).save("colour.jpg", quality=95)
Image.open("colour.jpg").convert("CMYK").save("cmyk.jpg")

labels = struct.pack(">BBBBI", 0, 0, 8, 1, 4) + bytes([3, 1, 4, 1])
with open("labels.idx", "wb") as f:
    f.write(labels)
with open("labels.idx.gz", "wb") as f, gzip.GzipFile("", "wb", fileobj=f, mtime=0) as z:
    z.write(labels)
with open("float.idx", "wb") as f:
    f.write(struct.pack(">BBBBII", 0, 0, 13, 2, 2, 2) + np.array([[1.5, -2], [3, 4e10]], dtype=">f4").tobytes())

try:
    import ml_dtypes
    from safetensors.numpy import save, save_file
except ImportError:
    raise SystemExit("no safetensors and ml_dtypes: its files stay as they are")
half = (x - 1) * 0.5
save_file({"f64": half, "f32": half.astype("f4"), "f16": half.astype("f2"), "bf16": half.astype(ml_dtypes.bfloat16),
           "i64": x - 1, "i32": (x - 1).astype("i4"), "i16": (x - 1).astype("i2"), "i8": (x - 1).astype("i1"),
           "u64": x.astype("u8"), "u32": (x + 2**31).astype("u4"), "u16": x.astype("u2"), "u8": x.astype("u1"),
           "bool": x % 2 == 0, "scalar": np.array(2.5), "empty": np.zeros((0, 3)), "µ.weight": np.array([1.0, 2.0])},
          "types.safetensors", metadata={"format": "np", "note": "\"quoted\"\n\U0001d707"})
# a linear layer as PyTorch names and lays it out: y = x W' + b
save_file({"fc.weight": np.arange(6, dtype="f4").reshape(2, 3), "fc.bias": np.array([1, 2], dtype="f4")},
          "linear.safetensors", metadata={"format": "pt"})

try:
    import torch
except ImportError:
    raise SystemExit("no torch: its file stays as it is")
# layers with PyTorch's names and layouts, what goes in and what comes out
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
net = torch.nn.ModuleDict({
    "conv": torch.nn.Conv2d(2, 4, 2, groups=2), "up": torch.nn.ConvTranspose2d(4, 3, 2, stride=2),
    "seq": torch.nn.Conv1d(2, 3, 2), "gru": torch.nn.GRU(3, 2, batch_first=True),
    "lstm": torch.nn.LSTM(2, 3, batch_first=True), "attn": torch.nn.MultiheadAttention(4, 2, batch_first=True)})
image, sequence, tokens = torch.randn(1, 3, 4, 2), torch.randn(2, 4, 2), torch.randn(1, 3, 4)
arrays = {k: v.detach() for k, v in net.state_dict().items()}
with torch.no_grad():
    arrays["image"], arrays["sequence"], arrays["tokens"] = image, sequence, tokens
    arrays["y.image"] = net["up"](net["conv"](image.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
    h, _ = net["gru"](net["seq"](sequence.permute(0, 2, 1)).permute(0, 2, 1))
    arrays["y.sequence"] = net["lstm"](h)[0]
    arrays["y.tokens"] = net["attn"](tokens, tokens, tokens)[0]
save_file({k: v.contiguous().numpy() for k, v in arrays.items()}, "torch.safetensors", metadata={"format": "pt"})
