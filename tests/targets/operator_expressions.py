"""Torch's public functional API that a vision model may use, as expressions over one picture-like tensor.

`x` is a float32 (2, 3, 8, 6) of normally distributed numbers, `n` an int64 (2, 5) of 0..3, `m`
a module made by the expression before the colon.
"""

from __future__ import annotations

__all__ = ["EXPRESSIONS", "REFUSED"]

POINTWISE = """
x.abs()
x.clamp(-1, 1).acos()
torch.acosh(x.abs() + 1.1)
torch.add(x, x.relu(), alpha=3)
torch.addcdiv(x, x, x.abs() + 1, value=0.5)
torch.addcmul(x, x, x + 1, value=0.5)
torch.angle(x)
torch.asin(x.clamp(-0.9, 0.9))
torch.asinh(x)
torch.atan(x)
torch.atan2(x, x.flip(-1))
torch.atanh(x.clamp(-0.9, 0.9))
torch.ceil(x)
torch.clamp(x, min=-0.5)
torch.clamp(x, max=0.5)
torch.clamp(x, x.amin(2, keepdim=True) + 0.5, x.amax(2, keepdim=True) - 0.5)
torch.clamp(x, min=x.mean())
torch.clip(x, -1, 1)
torch.copysign(x, x.flip(-1))
torch.cos(x)
torch.cosh(x)
torch.deg2rad(x)
torch.div(x, 0.7, rounding_mode="floor")
torch.div(x, 0.7, rounding_mode="trunc")
torch.div(x, x.abs() + 0.3, rounding_mode="floor")
torch.digamma(x.abs() + 0.5)
torch.erf(x)
torch.erfc(x)
torch.erfinv(x.clamp(-0.9, 0.9))
torch.exp(x)
torch.exp2(x)
torch.expm1(x)
torch.floor(x)
torch.floor_divide(x, 0.7)
torch.fmax(x, x.flip(-1))
torch.fmin(x, x.flip(-1))
torch.fmod(x, 0.7)
torch.fmod(x, x.flip(-1).abs() + 0.5)
torch.frac(x)
torch.heaviside(x, x.flip(-1))
torch.hypot(x, x.flip(-1))
torch.special.i0(x)
torch.ldexp(x, torch.tensor(3))
torch.lerp(x, x.flip(-1), 0.3)
torch.lerp(x, x.flip(-1), x.sigmoid())
torch.lgamma(x.abs() + 0.5)
torch.log(x.abs() + 0.1)
torch.log10(x.abs() + 0.1)
torch.log1p(x.abs())
torch.log2(x.abs() + 0.1)
torch.logaddexp(x, x.flip(-1))
torch.logaddexp2(x, x.flip(-1))
torch.logit(x.sigmoid())
torch.logit(x, eps=0.1)
torch.maximum(x, x.flip(-1))
torch.minimum(x, x.flip(-1))
torch.nan_to_num(x)
torch.nan_to_num(x / (x > 0), nan=0.5, posinf=3.0, neginf=-3.0)
torch.neg(x)
torch.positive(x) + 1
torch.pow(x.abs(), 1.7)
torch.pow(x, 3)
torch.pow(2, x)
torch.pow(x.abs() + 0.1, x)
torch.rad2deg(x)
torch.reciprocal(x.abs() + 0.01)
torch.remainder(x, 0.7)
torch.remainder(x, -0.7)
torch.remainder(x, x.flip(-1).abs() + 0.5)
torch.round(x)
torch.round(x, decimals=1)
torch.rsqrt(x.abs() + 0.01)
torch.rsub(x, 1.5)
torch.sgn(x)
torch.sigmoid(x)
torch.sign(x)
torch.signbit(x)
torch.sin(x)
torch.sinc(x)
torch.sinh(x)
torch.sqrt(x.abs())
torch.square(x)
torch.sub(x, x.relu(), alpha=2)
torch.tan(x)
torch.tanh(x)
torch.true_divide(x, 3)
torch.trunc(x)
torch.fix(x)
torch.xlogy(x.abs(), x.abs() + 0.1)
torch.special.xlog1py(x, x.abs())
torch.special.entr(x.abs())
torch.special.expit(x)
torch.special.ndtr(x)
x // 0.7
x % 0.7
1.0 / (x.abs() + 0.1)
2 - x
16 / x.shape[0] + x
x.shape[2] // 3 + x
-x
x ** 2
x.abs() ** 0.5
x.abs().pow(-0.5).clamp(max=3)
x + x.mean((2, 3), keepdim=True)
x * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64).view(3, 1, 1)
x.double() + 1
x.type_as(n.float()) + 1
x.int()
x.long()
x.bool()
x.abs().to(torch.int32)
x.mul(2).add_(1).relu_()
"""

COMPARISONS = """
x > 0
x >= x.flip(-1)
x.lt(0.5)
x.le(x.flip(-1))
x.eq(x.flip(-1))
x.ne(0)
(x > 0) & (x < 1)
(x > 0) | (x < -1)
(x > 0) ^ (x < 0.5)
~(x > 0)
torch.logical_and(x > 0, x < 1)
torch.logical_or(x > 1, x < -1)
torch.logical_xor(x > 0, x < 0.5)
torch.logical_not(x > 0)
torch.isnan(x)
torch.isinf(x / (x > 0))
torch.isfinite(x / (x > 0))
torch.isclose(x, x + 1e-9)
torch.where(x > 0, x, 0.5)
torch.where(x > 0, x, -x)
torch.where(x > 0, 1.0, x)
x.masked_fill(x > 0, -1.0)
x.masked_fill(x > 0, x.mean())
x.masked_fill(x > 1, float("-inf")).softmax(-1)
torch.all(x > -1, dim=1)
torch.any(x > 1, dim=1)
torch.all(x > -9)
torch.any(x > 9)
(x > 0).sum((2, 3))
(x > 0).float().mean((2, 3))
(x > 0) * x
(x > 0).int() + (x > 1).int()
x.clamp(min=0) * (x > 0.5).to(x.dtype)
(n == 1) | (n > 2)
n & 1
n | 1
n ^ 1
n << 1
n >> 1
~n
n // 2
n % 3
(n - 2) // 2
(n - 2) % 3
torch.div(n - 2, 2, rounding_mode="trunc")
torch.fmod(n - 2, 3)
n / 2
n.float() * 0.5
n * 0.5
n.sum(1)
n.float().mean(1)
n.clamp(1, 2)
torch.bitwise_and(n, 3)
torch.bitwise_xor(n, 1)
torch.bitwise_not(n)
-n
n.abs() + n.pow(2)
n.cumsum(1)
n.max(1).values
n.prod(1)
"""

REDUCTIONS = """
x.sum()
x.sum(1)
x.sum((1, 2), keepdim=True)
x.mean()
x.mean(1)
x.mean((2, 3))
x.prod(1)
x.prod()
x.std()
x.std(1)
x.std((2, 3), unbiased=False, keepdim=True)
x.var(1)
x.var((2, 3), correction=0)
torch.std_mean(x, 1)
torch.std_mean(x, (2, 3), keepdim=True)
torch.std_mean(x)
torch.var_mean(x, 1, correction=0)
torch.var_mean(x, (2, 3), keepdim=True)
x.amax(1)
x.amax((2, 3), keepdim=True)
x.amin(1)
torch.aminmax(x, dim=1)
x.max()
x.max(1)
x.max(1, keepdim=True).values
x.min()
x.min(1)
x.argmax(1)
x.argmax()
x.argmin(1, keepdim=True)
x.median(1)
x.logsumexp(1)
x.logsumexp((2, 3))
x.norm(dim=1)
x.norm(p=1, dim=1)
x.norm()
x.norm(p=float("inf"), dim=1)
torch.linalg.norm(x, dim=1)
torch.linalg.vector_norm(x, 3, dim=(2, 3))
torch.linalg.vector_norm(x, dim=1, keepdim=True)
torch.linalg.matrix_norm(x)
F.normalize(x, dim=1)
F.normalize(x, p=1.0, dim=-1)
x.cumsum(1)
x.cumsum(-1)
x.cumprod(1)
x.cummax(1)
x.cummin(1).values
x.logcumsumexp(1)
x.softmax(1)
x.log_softmax(-1)
F.softmin(x, 1)
x.topk(2, dim=1)
x.topk(2, dim=-1, largest=False).values
x.sort(1)
x.sort(-1, descending=True)
x.argsort(-1)
x.kthvalue(2, 1)
x.count_nonzero(1)
x.nansum(1)
x.nanmean(1)
x.diff(dim=2)
torch.trapz(x, dim=1)
torch.dist(x, x.flip(-1))
torch.renorm(x, 2, 1, 1.0)
torch.quantile(x, 0.3, dim=1)
torch.mode(n, 1).values
"""

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

PRODUCTS = """
x @ x.mT
x @ torch.arange(12.0).reshape(6, 2)
torch.matmul(x[0, 0], x[0, 1].T)
torch.mm(x[0, 0], x[0, 1].T)
torch.mv(x[0, 0], x[0, 1, 0])
torch.dot(x[0, 0, 0], x[0, 1, 0])
torch.vdot(x[0, 0, 0], x[0, 1, 0])
torch.bmm(x[0], x[1].mT)
torch.outer(x[0, 0, 0], x[0, 1, 0])
torch.ger(x[0, 0, 0], x[0, 1, 0])
torch.inner(x[0, 0], x[0, 1])
torch.addmm(x[0, 0] @ x[0, 0].T, x[0, 0], x[0, 1].T, beta=0.5, alpha=2)
torch.addbmm(torch.ones(8, 8), x[0], x[1].mT)
torch.baddbmm(torch.ones(3, 8, 8), x[0], x[1].mT, beta=0.5, alpha=2)
torch.addmv(x[0, 0, :, 0], x[0, 0], x[0, 1, 0])
torch.addr(torch.ones(6, 6), x[0, 0, 0], x[0, 1, 0])
torch.chain_matmul(x[0, 0], x[0, 1].T, x[0, 2])
torch.linalg.multi_dot((x[0, 0], x[0, 1].T, x[0, 2]))
torch.einsum("bchw,bcvw->bchv", x, x)
torch.einsum("bchw,bchw->bhw", x, x.flip(-1))
torch.einsum("bchw->bwh", x)
torch.tensordot(x, x, dims=([1, 3], [1, 3]))
torch.cdist(x[0], x[1])
torch.cdist(x[0], x[1], p=1.0)
torch.cross(x.transpose(1, 3)[..., :3], x.transpose(1, 3).flip(1), dim=-1)
torch.linalg.cross(x, x.flip(-1), dim=1)
F.bilinear(x[0, 0], x[0, 1], torch.arange(72.0).reshape(2, 6, 6) / 72)
F.linear(x, torch.arange(12.0).reshape(2, 6))
F.linear(x, torch.arange(12.0).reshape(2, 6), torch.tensor([1.0, 2.0]))
F.linear(x[0, 0], x[0, 1], x[0, 0, :, 0])
F.cosine_similarity(x, x + 1, dim=1)
F.pairwise_distance(x, x.flip(-1))
torch.matrix_power(x[0, :, :6], 3)
torch.cdist(x[0, 0], x[0, 0])
"""

ACTIVATIONS = """
F.relu(x)
F.relu6(x * 4)
F.leaky_relu(x, 0.2)
F.prelu(x, torch.tensor([0.1, 0.2, 0.3]))
F.rrelu(x)
F.elu(x, 1.5)
F.selu(x)
F.celu(x, 1.5)
F.gelu(x)
F.gelu(x, approximate="tanh")
F.silu(x)
F.mish(x)
F.hardswish(x * 3)
F.hardsigmoid(x * 3)
F.hardtanh(x, -0.5, 0.7)
F.hardshrink(x)
F.softshrink(x, 0.3)
F.tanhshrink(x)
F.softsign(x)
F.softplus(x)
F.softplus(x, 2.0, 1.0)
F.logsigmoid(x * 5)
F.threshold(x, 0.1, 20)
F.glu(x, -1)
F.softmax(x, 1)
F.dropout(x, 0.5, training=False) + 1
F.dropout2d(x, 0.5, training=False) + 1
F.alpha_dropout(x, 0.5, training=False) + 1
x.sigmoid_().mul_(2)
F.relu(x, inplace=True) + 1
"""

NORMS = """
F.layer_norm(x, (6,))
F.layer_norm(x, (8, 6), torch.arange(48.0).reshape(8, 6), torch.ones(8, 6), 1e-3)
F.layer_norm(x.permute(0, 2, 3, 1), (3,)).permute(0, 3, 1, 2)
F.group_norm(x, 3)
F.group_norm(x, 1, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([3.0, 2.0, 1.0]), 1e-3)
F.instance_norm(x)
F.instance_norm(x, weight=torch.tensor([1.0, 2.0, 3.0]), bias=torch.ones(3))
F.batch_norm(x, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 3.0]))
F.batch_norm(x, None, None, training=True)
F.batch_norm(x, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 3.0]), training=True)
F.rms_norm(x, (6,))
F.rms_norm(x, (6,), torch.arange(6.0), 1e-1)
F.rms_norm(x, (8, 6), eps=1e-3)
F.local_response_norm(x, 3)
x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
(x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-6).sqrt()
x / (x.std((2, 3), keepdim=True) + 1e-5)
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

SPECTRA = """
torch.fft.rfft(x).abs()
torch.fft.rfft2(x, norm="ortho").real
torch.fft.irfft2(torch.fft.rfft2(x, norm="ortho") * torch.complex(x[..., :4], x[..., 2:]), s=(8, 6), norm="ortho")
torch.fft.irfft(torch.fft.rfft(x, dim=2), dim=2)
torch.fft.fft2(x).real
torch.fft.fft(torch.fft.fft(x, dim=-1), dim=-2).real
torch.fft.ifft2(torch.fft.fft2(x)).real
torch.fft.fftshift(torch.fft.fft2(x), dim=(-2, -1)).abs()
torch.fft.rfft(torch.hann_window(6)).abs() + x[..., :4]
torch.view_as_real(torch.fft.rfft2(x))
torch.view_as_complex(x.reshape(2, 3, 8, 3, 2)).abs()
torch.view_as_real(torch.view_as_complex(x.reshape(2, 3, 8, 3, 2)) * torch.polar(torch.ones(3), torch.arange(3.0)))
torch.fft.fftn(x, dim=(1, 2)).imag
"""

LOSSES = """
F.mse_loss(x, x.flip(-1))
F.l1_loss(x, x.flip(-1), reduction="none")
F.smooth_l1_loss(x, x.flip(-1))
F.huber_loss(x, x.flip(-1))
F.cross_entropy(x.flatten(1), n[:, 0])
F.nll_loss(x.flatten(1).log_softmax(1), n[:, 0])
F.binary_cross_entropy_with_logits(x, x.sigmoid())
F.kl_div(x.log_softmax(1), x.flip(1).softmax(1), reduction="batchmean")
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

EXPRESSIONS: dict[str, str] = {
    "pointwise": POINTWISE,
    "comparisons": COMPARISONS,
    "reductions": REDUCTIONS,
    "movement": MOVEMENT,
    "indexing": INDEXING,
    "products": PRODUCTS,
    "activations": ACTIVATIONS,
    "norms": NORMS,
    "convolutions": CONVOLUTIONS,
    "pooling": POOLING,
    "resizing": RESIZING,
    "spectra": SPECTRA,
    "losses": LOSSES,
    "modules": MODULES,
}

# What stays refused, by target, and the words it is refused with.
REFUSED: dict[str, dict[str, str]] = {
    "torch.digamma(x.abs() + 0.5)": dict.fromkeys(("coreml", "onnx"), "digamma"),
    "torch.lgamma(x.abs() + 0.5)": dict.fromkeys(("coreml", "onnx"), "lgamma"),
    "torch.mode(n, 1).values": dict.fromkeys(("coreml", "onnx"), "mode"),
    "nn.EmbeddingBag(4, 6): m(n)": {"coreml": "_embedding_bag"},
    "torch.special.i0(x)": dict.fromkeys(("coreml", "onnx"), "i0"),
}
