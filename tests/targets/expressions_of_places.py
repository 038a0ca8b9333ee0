"""Expressions that move, choose and resample; modules. See operator_expressions.py."""

from __future__ import annotations

__all__ = [
    "CONVOLUTIONS",
    "INDEXING",
    "MODULES",
    "MOVEMENT",
    "POOLING",
    "RESIZING",
]

MOVEMENT = """
x.reshape(2, -1)
x.view(2, 3, 48)
x.flatten(1)
x.flatten(2).transpose(1, 2)
x.unflatten(2, (2, 4))
x.permute(0, 2, 3, 1)
x.transpose(1, 2)
x.swapaxes(1, 2)
x.swapdims(0, 1)
x.movedim(1, -1)
x.moveaxis((1, 2), (2, 1))
x.mT
x[0, 0].T
x.squeeze()
x[:1].squeeze(0)
x[:1].squeeze((0, 1))
x.unsqueeze(1)
x[0][:, None, :, ..., None, :].squeeze(3)
x.unsqueeze(1).expand(-1, 2, -1, -1, -1)
x[:, :1].expand_as(x)
x.broadcast_to(2, 2, 3, 8, 6)
x.repeat(1, 2, 1, 1)
x.repeat(2, 1, 1, 1, 1)
x.tile(2, 1)
x.repeat_interleave(2, dim=1)
x.chunk(2, 1)
x.chunk(3, -1)[1]
torch.cat(x.chunk(2, -1)[::-1], -1)
x.split(2, 1)
x.split([1, 2], 1)[0]
x.tensor_split(3, -1)
x.tensor_split((1, 4), -1)[1]
torch.hsplit(x, 3)
torch.vsplit(x, 2)
torch.dsplit(x, 2)
x.unbind(1)
x.select(1, 2)
x.narrow(2, 1, 3)
torch.cat((x, x * 2), 1)
torch.cat([x, x[:, :1]], dim=-3)
torch.concat((x, x), -1)
torch.stack((x, x + 1), 2)
torch.hstack((x, x))
torch.vstack((x, x))
torch.dstack((x, x))
torch.column_stack((x[0, 0], x[0, 1]))
x.flip(-1)
x.flip((2, 3))
x.fliplr()
x.flipud()
x.roll(2, -1)
x.roll((1, -2), (2, 3))
x.roll(3)
torch.rot90(x, 1, (2, 3))
torch.rot90(x, 2, (2, 3))
x.tril()
x.triu(1)
x.tril(-1)
x.diagonal(dim1=2, dim2=3)
x.diagonal(1, 1, 2)
x[0, 0].diag()
torch.diag_embed(x[0])
x[0, 0, 0].diag()
torch.diagflat(x[0, 0, 0])
torch.trace(x[0, 0])
torch.block_diag(x[0, 0], x[0, 1])
torch.meshgrid(x[0, 0, 0], x[0, 0, :, 0], indexing="ij")
torch.meshgrid(x[0, 0, 0], x[0, 0, :, 0], indexing="xy")
torch.cartesian_prod(x[0, 0, 0], x[0, 0, :, 0])
torch.broadcast_tensors(x, x[:, :1])
torch.atleast_3d(x[0, 0])
x.contiguous(memory_format=torch.channels_last) + 0
x.unfold(2, 3, 2)
x[0].unfold(2, 2, 2).unfold(1, 4, 4).sum((3, 4))
torch.kron(x[0, 0], x[0, 1])
torch.view_as_real(torch.complex(x, x.flip(-1)))
x.ravel()
x.permute(*range(3, -1, -1))
torch.block_diag(x[0, 0])
torch.constant_pad_nd(x, (1, 2), 0.5)
"""

INDEXING = """
x[0]
x[:, 1]
x[:, 1:, ::2, 1:-1]
x[..., -1]
x[:, [2, 0]]
x[:, :, [0, 3], [1, 2]]
x[:, torch.tensor([[0, 1], [2, 0]])]
x[torch.arange(2), n[:, 0].clamp(max=2)]
x[:, :, torch.arange(8).flip(0)]
x[torch.tensor([0, 1]), :, torch.tensor([2, 3])]
x[n[0, :1].clamp(max=1)]
x.index_select(1, torch.tensor([2, 0]))
x.gather(1, (x[:, :1] > 0).long())
x.gather(3, n[:, None, None, :3].expand(2, 3, 8, 3))
torch.take_along_dim(x, x.argsort(-1), -1)
x.take(torch.tensor([0, 5, 17]))
x.scatter(1, (x > 0).long(), 0.5)
x.scatter(1, (x[:, :1] > 0).long(), x[:, :1] * 2)
x.scatter_add(1, (x > 0).long(), x)
x.scatter_reduce(1, (x > 0).long(), x, "amax")
x.index_add(1, torch.tensor([0, 2]), x[:, :2])
x.index_copy(1, torch.tensor([0, 2]), x[:, :2])
x.index_fill(1, torch.tensor([0, 2]), 0.5)
x.index_put((torch.tensor([0, 1]), torch.tensor([1, 2])), torch.tensor(2.0))
x.select_scatter(x[:, 0] * 2, 1, 2)
x.slice_scatter(x[:, :1] * 2, 1, 1, 2)
x.diagonal_scatter(x[0, 0, 0].expand(2, 3, 6), 0, 2, 3)
torch.bucketize(x, torch.tensor([-1.0, 0.0, 1.0]))
torch.searchsorted(torch.tensor([-1.0, 0.0, 1.0]), x, right=True)
F.one_hot(n, 5)
F.one_hot(n, 5).float().sum(1)
F.embedding(n, torch.arange(24.0).reshape(4, 6))
torch.arange(24.0).reshape(4, 6)[n]
torch.tril_indices(3, 3) + n.sum()
x.new_zeros(2, 3) + x[:, :, 0, 0]
torch.zeros_like(x) - x
torch.full_like(x, 2.0) * x
torch.arange(6) * x
torch.linspace(0, 1, 6) * x
torch.eye(8, 6) + x
torch.ones(8, 6).tril() * x
torch.meshgrid(torch.arange(8.0), torch.arange(6.0), indexing="ij")[0] * x
torch.hann_window(6) * x
torch.logspace(0, 1, 6) * x
torch.vander(torch.arange(6.0), 6)[:, :6] @ x[0, 0, 0]
torch.histc(torch.arange(6.0), 6) + x
assign(x, (slice(None), 0), 0.5)
assign(x, (slice(None), 0), x[:, 1])
assign(x, (Ellipsis, slice(None, None, 2)), x[..., 1::2])
assign(x, x > 0, 0.0)
assign(x, (slice(None), slice(None), slice(1, 3), slice(2, 4)), 1.0)
assign(x, (slice(None), torch.tensor([0, 2])), 1.0)
assign(x, (0, 1, 2, 3), 7.0)
increment(x, (Ellipsis, slice(None, None, 2)), 1.0)
increment(x, (slice(None), 1), x[:, 0])
increment(x, (slice(None), slice(None), slice(1, 3)), 2.0)
"""

CONVOLUTIONS = """
F.conv1d(x[:, 0], torch.arange(48.0).reshape(2, 8, 3) / 48)
F.conv1d(x[:, 0], torch.arange(48.0).reshape(3, 8, 2) / 48, padding="same", dilation=2)
F.conv2d(x, torch.arange(54.0).reshape(2, 3, 3, 3) / 54, torch.tensor([1.0, -2.0]), 2, 1)
F.conv2d(x, torch.arange(27.0).reshape(3, 1, 3, 3) / 54, None, 1, "same", 1, 3)
F.conv2d(x, torch.arange(24.0).reshape(2, 3, 2, 2) / 54, None, 1, "same")
F.conv2d(x, torch.arange(54.0).reshape(2, 3, 3, 3) / 54, None, 1, "valid", 2)
F.conv2d(x[0], torch.arange(54.0).reshape(2, 3, 3, 3) / 54)
F.conv2d(x, x[:1, :, :3, :3])
F.conv3d(x.unsqueeze(2), torch.arange(54.0).reshape(2, 3, 1, 3, 3) / 54, padding=(0, 1, 1))
F.conv_transpose1d(x[:, 0], torch.arange(48.0).reshape(8, 2, 3) / 48, stride=2)
F.conv_transpose1d(x[:, 0], torch.arange(48.0).reshape(8, 2, 3) / 48, None, 2, 1, 1)
F.conv_transpose2d(x, torch.arange(54.0).reshape(3, 2, 3, 3) / 54, torch.tensor([1.0, -2.0]), 2, 0, 1)
F.conv_transpose2d(x, torch.arange(54.0).reshape(3, 2, 3, 3) / 54, None, 2, 1, 1)
F.conv_transpose2d(x, torch.arange(54.0).reshape(3, 2, 3, 3) / 54, None, (3, 2), 0, (2, 0), 3)
F.conv_transpose2d(x, torch.arange(54.0).reshape(3, 2, 3, 3) / 54, None, 2, 1, 0, 1, 2)
F.conv_transpose3d(x.unsqueeze(2), torch.arange(54.0).reshape(3, 2, 1, 3, 3) / 54, stride=(1, 2, 2))
F.unfold(x, 3, padding=1)
F.unfold(x, 2, stride=2)
F.fold(F.unfold(x, 2, stride=2), (8, 6), 2, stride=2)
F.fold(F.unfold(x, 3, padding=1), (8, 6), 3, padding=1)
"""

POOLING = """
F.avg_pool1d(x[0], 2)
F.avg_pool1d(x[0], 3, 2, 1)
F.avg_pool1d(x[0], 3, 2, 1, count_include_pad=False)
F.avg_pool1d(x[0], 3, 2, 1, ceil_mode=True)
F.avg_pool2d(x, 2)
F.avg_pool2d(x, 3, 2, 1)
F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
F.avg_pool2d(x, 3, 2, 0, ceil_mode=True)
F.avg_pool2d(x, 3, 2, 1, ceil_mode=True)
F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)
F.avg_pool2d(x, (3, 2), (3, 1), (1, 0), divisor_override=4)
F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, divisor_override=4)
F.avg_pool2d(x[0], 2)
F.avg_pool3d(x.unsqueeze(2), (1, 2, 2))
F.avg_pool3d(x.unsqueeze(1), 3, 2, 1, ceil_mode=True, count_include_pad=False)
F.avg_pool3d(x.unsqueeze(1), 3, 2, 1, ceil_mode=True)
F.avg_pool3d(x.unsqueeze(1), 2, divisor_override=3)
F.max_pool1d(x[0], 2)
F.max_pool1d(x[0], 3, 2, 1, ceil_mode=True)
F.max_pool2d(x, 2)
F.max_pool2d(x, 3, 2, 1)
F.max_pool2d(x, 3, 2, 0, ceil_mode=True)
F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
F.max_pool2d(x, 2, 1, 0, 2)
F.max_pool2d(x, 3, 2, 1, 2)
F.max_pool2d(x, 2, return_indices=True)
F.max_pool3d(x.unsqueeze(2), (1, 2, 2))
F.max_pool3d(x.unsqueeze(1), 3, 2, 1, ceil_mode=True)
F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)
F.lp_pool2d(x, 2, 2)
F.lp_pool1d(x[0], 2, 2)
F.adaptive_avg_pool1d(x[0], 1)
F.adaptive_avg_pool1d(x[0], 4)
F.adaptive_avg_pool2d(x, 1)
F.adaptive_avg_pool2d(x, (4, 3))
F.adaptive_avg_pool2d(x, (3, 4))
F.adaptive_avg_pool2d(x, (None, 1))
F.adaptive_avg_pool2d(x, (16, 12))
F.adaptive_avg_pool3d(x.unsqueeze(1), 1)
F.adaptive_avg_pool3d(x.unsqueeze(1), (2, 3, 4))
F.adaptive_max_pool1d(x[0], 4)
F.adaptive_max_pool2d(x, 1)
F.adaptive_max_pool2d(x, (4, 3))
F.adaptive_max_pool2d(x, (3, 4))
F.adaptive_max_pool3d(x.unsqueeze(1), (1, 3, 4))
"""

RESIZING = """
F.interpolate(x, scale_factor=2)
F.interpolate(x, size=(5, 13))
F.interpolate(x, size=(5, 13), mode="nearest-exact")
F.interpolate(x, size=(16, 12), mode="bilinear")
F.interpolate(x, size=(16, 12), mode="bilinear", align_corners=True)
F.interpolate(x, size=(5, 13), mode="bilinear", align_corners=False)
F.interpolate(x, scale_factor=0.5, mode="bilinear")
F.interpolate(x, scale_factor=1.3, mode="bilinear")
F.interpolate(x, scale_factor=1.3, mode="bilinear", recompute_scale_factor=True)
F.interpolate(x, size=(13, 11), mode="bicubic")
F.interpolate(x, size=(5, 3), mode="bicubic", antialias=True)
F.interpolate(x, size=(5, 3), mode="bilinear", antialias=True)
F.interpolate(x, size=(3, 3), mode="area")
F.interpolate(x[0], size=9, mode="linear")
F.interpolate(x[0], scale_factor=2)
F.interpolate(x.unsqueeze(1), scale_factor=2)
F.interpolate(x.unsqueeze(1), size=(3, 16, 12), mode="trilinear")
F.interpolate(x, size=x.shape[2:], mode="bilinear")
F.interpolate(x, scale_factor=(2, 3))
F.pixel_shuffle(x.reshape(2, 12, 4, 3), 2)
F.pixel_unshuffle(x, 2)
F.channel_shuffle(x.reshape(2, 6, 4, 6), 3)
torch.channel_shuffle(x.reshape(2, 6, 4, 6), 2)
F.pad(x, (1, 2))
F.pad(x, (1, 2, 3, 1), value=0.5)
F.pad(x, (-1, 2, 0, -1))
F.pad(x, (0, 0, 0, 0, 1, 2))
F.pad(x, (1, 2, 3, 1), mode="reflect")
F.pad(x, (1, 2, 3, 1), mode="replicate")
F.pad(x, (1, 2, 3, 1), mode="circular")
F.pad(x[0], (1, 2), mode="reflect")
F.pad(x[0], (1, 2), mode="circular")
F.pad(x.unsqueeze(1), (1, 1, 1, 1, 1, 1), mode="replicate")
F.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], align_corners=False)
F.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], align_corners=True)
F.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], padding_mode="border", align_corners=False)
F.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], padding_mode="reflection", align_corners=False)
F.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], mode="nearest", align_corners=False)
F.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], mode="bicubic", align_corners=False)
F.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], mode="bicubic", padding_mode="border", align_corners=True)
F.grid_sample(x, F.affine_grid(torch.eye(2, 3).repeat(2, 1, 1), (2, 3, 4, 4), align_corners=False), align_corners=False)
F.affine_grid(x[:, 0, :2, :3], (2, 3, 4, 4), align_corners=False)
"""

MODULES = """
nn.LSTM(6, 5, batch_first=True): m(x[:, 0])
nn.LSTM(6, 5, 2, bidirectional=True, batch_first=True): m(x[:, 0])
nn.LSTM(6, 5, bias=False): m(x[0])[0]
nn.LSTM(6, 5): m(x[0], (x[:1, 0, :, :5], x[1:, 0, :, :5]))
nn.LSTM(6, 5, proj_size=3): m(x[0])[0]
nn.LSTM(6, 5): m(x[0, 0])[0]
nn.LSTMCell(6, 5): m(x[0, 0])
nn.GRU(6, 5, batch_first=True): m(x[:, 0])
nn.GRU(6, 5, 2, bidirectional=True): m(x[0])
nn.GRUCell(6, 5): m(x[0, 0])
nn.RNN(6, 5, batch_first=True): m(x[:, 0])
nn.RNN(6, 5, 2, nonlinearity="relu", bidirectional=True): m(x[0])
nn.RNNCell(6, 5): m(x[0, 0])
nn.BatchNorm2d(3): m(x)
nn.BatchNorm2d(3, affine=False): m(x)
nn.BatchNorm2d(3, track_running_stats=False): m(x)
nn.BatchNorm1d(8): m(x[0])
nn.InstanceNorm2d(3, affine=True): m(x)
nn.InstanceNorm2d(3, track_running_stats=True): m(x)
nn.GroupNorm(3, 3): m(x)
nn.LayerNorm([8, 6]): m(x)
nn.RMSNorm(6): m(x)
nn.LocalResponseNorm(2): m(x)
nn.PReLU(3): m(x)
nn.Bilinear(6, 6, 4): m(x[0, 0], x[0, 1])
nn.Embedding(4, 6): m(n)
nn.EmbeddingBag(4, 6): m(n)
nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"): m(x)
nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"): m(x)
nn.Conv2d(3, 4, 3, padding=2, padding_mode="replicate"): m(x)
nn.ConvTranspose2d(3, 4, 3, 2, 1, 1): m(x)
nn.ConvTranspose2d(3, 3, 3, 2, 1, 1, groups=3): m(x)
nn.ConvTranspose2d(3, 4, 3, 2, 1, dilation=2): m(x)
nn.Fold((8, 6), 2, stride=2): m(x.reshape(2, 12, 12))
nn.Unfold(3, padding=1, stride=2): m(x)
nn.ReflectionPad2d((1, 2, 0, 1)): m(x)
nn.ZeroPad2d(1): m(x)
nn.PixelShuffle(1): m(x)
nn.Upsample(scale_factor=2, mode="bilinear"): m(x)
nn.Softmax2d(): m(x)
nn.MultiheadAttention(6, 2, batch_first=True): m(x[:, 0], x[:, 1], x[:, 2])
nn.TransformerEncoderLayer(6, 2, 8, batch_first=True): m(x[:, 0])
nn.TransformerDecoderLayer(6, 2, 8, batch_first=True): m(x[:, 0], x[:, 1])
nn.Transformer(6, 2, 1, 1, 8, batch_first=True): m(x[:, 0], x[:, 1])
nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)): m(x)
nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)): m(x)
"""
