"""Why the cases that are not as they should be are so: one entry per cause, each found by looking at a case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.case import Case

__all__ = ["CAUSES", "Cause", "explain"]


@dataclass(frozen=True)
class Cause:
    """`title`: in a word. `text`: what happens, and why it is not the executor's. `categories`: of the cases it may
    explain. `name`, `message`: patterns that both must be found. `exact`: what the case gives without fp16 rounding."""

    title: str
    text: str
    categories: tuple[str, ...]
    name: str = ""
    message: str = ""
    exact: str | None = None

    def explains(self, case: Case) -> bool:
        return (
            case.category in self.categories
            and (self.exact is None or case.exact == self.exact)
            and re.search(self.name, case.name) is not None
            and re.search(self.message, case.message) is not None
        )


CAUSES: tuple[Cause, ...] = (
    Cause(
        "A box outside the image",
        "The box (2, 2, 1, 1) is given as normalized, where the operator's documentation asks for coordinates in "
        "[0, 1]; the expected values are those of the whole image, which nothing documented leads to.",
        ("failed",),
        name=r"iOS15/test_image_resizing::TestCropResize::test_builder_to_backend_smoke",
        message="Not equal to tolerance",
    ),
    Cause(
        "A literal of four digits",
        "The test expects 7.899, in float32 to 0.0001, where 7.9 is exact.",
        ("failed",),
        name=r"test_image_resizing::TestCropResize::test_builder_to_backend_ios1[67]\[.*'fp32'",
        message="Max absolute difference among violations: 0.00099",
    ),
    Cause(
        "A count of casts",
        "The prediction is as expected; then the test counts the casts of its converted program and expects those of "
        "an fp16 program in a float32 one.",
        ("failed",),
        name=r"'fp32'",
        message=r"^AssertionError: assert 0 == 2$",
    ),
    Cause(
        "The order of values that fp16 makes equal",
        "Values whose difference is lost in fp16 are equal, so their order, and the indices that it gives, may differ "
        "from that of the float32 values that the test expects. The same case passes when nothing is rounded.",
        ("failed", "passed"),
        name=r"test_torch_ops::Test(ArgSort|Sort|Topk|Argmax|Argmin)::.*\[.*'fp16'",
        message="Not equal to tolerance|beyond",
        exact="passed",
    ),
    Cause(
        "Groups of two values, normalized in fp16",
        "The difference of two near values, divided by itself: what fp16 rounds off them is the whole of it. Within "
        "the suite's tolerance; within 0.0078 when nothing is rounded.",
        ("passed", "failed"),
        name=r"test_torch_ops::TestGroupNorm::test_groupnorm_rank2_input\[.*'fp16'.*\(16, 32\)",
        exact="passed",
    ),
    Cause(
        "A shape that only Core ML's compiler refuses",
        "The inputs of `stack` have one shape, (2, 3, 4), and it is executed. The test expects an error all the same, "
        "because Core ML compiles a program for the default shapes of its inputs, of which the third has another one.",
        ("failed",),
        name=r"test_torch_ops::TestStack::test_stack_dynamic_range_dim\[.*default_dynamic_size=2",
        message="DID NOT RAISE",
    ),
    Cause(
        "Indices of an fp16 program",
        "The prediction is as expected; then the test asks that the indices in the converted program are int16, which "
        "coremltools makes of them for fp16 programs only.",
        ("failed",),
        name=r"test_torch_ops::TestGather::test_gather_nd_int16_indices\[.*'fp32'.*dynamic=True",
        message="^AssertionError: assert False",
    ),
    Cause(
        "A type that is lost in conversion",
        "Filling integers with 0.2 gives zeros in PyTorch; coremltools converts what torch.export makes of it to a "
        "`fill` of float32 with 0.2 (its test expects the same of the neural-network format, as rdar://125572392). In "
        "fp16 the suite's tolerance of 0.5 covers it.",
        ("failed", "passed"),
        name=r"test_torch_ops::TestFill::test_fill_.*TORCHEXPORT.*fill_scalar=0\.2-src_dtype=torch\.int32",
    ),
    Cause(
        "An operator of a newer torch",
        "torch.export of torch 2.13 leaves `alias` in a program; coremltools 9.0, tested with torch 2.7, does not "
        "convert it.",
        ("unconverted",),
        name="TORCHEXPORT",
        message="Unsupported fx node alias",
    ),
    Cause(
        "What the suite expects of TorchScript only",
        "index_put with negative indices at iOS 17: coremltools passes a column of indices through uint16, where -1 is "
        "65535, which scatter_nd drops. The suite expects these very cases to fail with TorchScript (rdar://133476254) "
        "and does not say so of torch.export, which gives the same program.",
        ("failed",),
        name=r"test_torch_ops::TestIndexPut::test_index_put_negative_indices_case_2\[.*TORCHEXPORT.*(rank=2-accumulate="
        r"True|rank=3-accumulate=(True|False))-minimum_deployment_target=8",
        message="Not equal to tolerance",
    ),
    Cause(
        "A threshold that fp16 meets",
        "The places are those where random numbers are above 0.5. One that is above by less than fp16 can tell is 0.5 "
        "in an fp16 program, and one place fewer is chosen than the test expects.",
        ("failed",),
        name=r"test_torch_ops::TestIndex::test_index_bool_indices\[.*fp16",
        message="Items are not equal",
    ),
    Cause(
        "Types mixed in conversion",
        "coremltools makes an operator with operands of two types of what torch.export makes of index_put, and refuses "
        "it itself.",
        ("unconverted",),
        name=r"test_torch_ops::TestIndexPut::test_index_put_updates_bool\[.*TORCHEXPORT",
        message="`updates` must have the same data type as the named input `data`",
    ),
    Cause(
        "Running statistics by halves",
        "torch.nn.functional.batch_norm in torch 2.13 takes a running mean and a running variance together or not at "
        "all; the test's own model raises.",
        ("unconverted",),
        name=r"test_torch_ops::TestBatchNorm::test_batchnorm_dynamic_stress",
        message="running_mean and running_var must either both be None or neither be None",
    ),
    Cause(
        "A graphics processor",
        "The test computes its expected values on Apple's graphics processor.",
        ("unconverted",),
        message="PyTorch is not linked with support for mps devices",
    ),
)


def explain(case: Case) -> Cause | None:
    """The first cause that explains a case."""
    return next((cause for cause in CAUSES if cause.explains(case)), None)
