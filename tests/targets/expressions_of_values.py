"""Expressions that compute: elementwise, reductions, products. See operator_expressions.py."""

from __future__ import annotations

__all__ = [
    "ACTIVATIONS",
    "COMPARISONS",
    "LOSSES",
    "NORMS",
    "POINTWISE",
    "PRODUCTS",
    "REDUCTIONS",
    "SPECTRA",
]

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
