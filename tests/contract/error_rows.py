"""The command lines of `test_error_table.py`, each with its exit code and its message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`message`: what is printed after `error: `; one that ends in … is its beginning, where a library has the rest."""

    arguments: str
    code: int
    message: str

    def fits(self, printed: str) -> bool:
        wanted = f"error: {self.message}"
        return printed.startswith(wanted[:-1]) if wanted.endswith("…") else printed == wanted


TINY = "export models.py:Tiny --output out"

ROWS = [
    # the model
    Row("export fastvit_t88 --output out", 2, "no model is called `fastvit_t88`"),
    Row("export nothing_like_it_at_all --output out", 2, "no model is called `nothing_like_it_at_all`"),
    Row("export absent.py:factory --output out", 2, "no file is there: absent.py"),
    Row("export absent_package.module:factory --output out", 2, "no module is called `absent_package`"),
    Row("export models.py:absent --output out", 2, "models.py defines no `absent`"),
    Row("export models.py --output out", 2, "`models.py` names no factory"),
    Row(
        "export broken.py:factory --output out",
        2,
        "the factory cannot be imported: SyntaxError: invalid syntax",
    ),
    Row("export models.py:raises --output out", 2, "the factory raised: ValueError: no weights today"),
    Row("export models.py:number --output out", 2, "the factory returned an object of type int, not an nn.Module"),
    Row("export models.py:needs --output out", 2, "the factory needs arguments: width"),
    Row("export models.py:unshaped --output out", 2, "'large' declares no inputs"),
    Row("export program.pt2 --output out", 2, "program.pt2 is no program that torch …"),
    Row("export absent.pt2 --output out", 2, "no file is there: absent.pt2"),
    # the weights
    Row(f"{TINY} --weights absent.pth", 2, "no file is there: absent.pth"),
    Row(f"{TINY} --weights corrupt.pth", 2, "corrupt.pth is damaged, or no checkpoint: …"),
    Row(f"{TINY} --weights empty.pth", 2, "empty.pth is empty"),
    Row(
        f"{TINY} --weights hostile.pth",
        2,
        "hostile.pth would run code when it is loaded (posix.mkdir), so it was not loaded",
    ),
    Row(
        f"{TINY} --weights hostile_zip.pth",
        2,
        "hostile_zip.pth would run code when it is loaded (posix.mkdir), so it was not loaded",
    ),
    Row(
        f"{TINY} --weights mismatched.pth",
        2,
        "mismatched.pth does not fit Tiny: 1 missing (head.bias); 1 unexpected (neck.bias); "
        "1 of another shape (conv.bias: [9] in the file, [8] in the model)",
    ),
    Row(f"{TINY} --weights torn.safetensors", 2, "torn.safetensors is damaged, or no safetensors file: …"),
    Row(f"{TINY} --weights a_folder", 2, "a_folder is a folder, not a checkpoint"),
    Row(
        f"{TINY} --weights pretrained",
        2,
        "models.py:Tiny brings its own weights; there are no pretrained ones to fetch",
    ),
    # the options
    Row(
        "export deit_tiny_patch16_224 --weights random --resolution 225 --output out",
        2,
        "deit_tiny_patch16_224 does not take 225x225",
    ),
    Row(
        "export mixer_s32_224 --weights random --resolution 256 --output out",
        2,
        "mixer_s32_224 does not take 256x256",
    ),
    Row("export t2t_vit_15 --weights random --output out", 2, "no model is called `t2t_vit_15`"),
    Row(f"{TINY} --resolution 12by12", 2, "`12by12` is no resolution"),
    Row(f"{TINY} --resolution 0", 2, "`0` is no resolution"),
    Row(f"{TINY} --precision float8", 2, "`float8` is no precision that mobiledeploy knows"),
    Row(f"{TINY} --deployment-target iOS14", 2, "`iOS14` is no deployment target that mobiledeploy knows"),
    Row(f"{TINY} --input-type sound", 2, "`sound` is no input type that mobiledeploy knows"),
    Row(f"{TINY} --input-type image", 2, "nobody knows how `x` is prepared from a picture"),
    Row(f"{TINY} --target tflite", 2, "there is no target `tflite`"),
    Row(f"{TINY} --skip merge-brunches", 2, "there is no rule `merge-brunches`"),
    Row(f"{TINY} --labels absent.txt", 2, "cannot read the labels in absent.txt: No such file or directory"),
    Row(f"{TINY} --labels labels.bin", 2, "cannot read the labels in labels.bin: it is not UTF-8 text"),
    Row(f"{TINY} --labels blank.txt", 2, "blank.txt names no class"),
    Row(f"{TINY} --labels labels3.txt", 2, "3 labels for an output of shape 1x4"),
    Row("export models.py:Dense --output out --labels labels3.txt", 2, "3 labels for an output of shape 1x8x16x16"),
    Row(f"{TINY} --substitute gelu", 2, "`gelu` is no substitution"),
    Row(f"{TINY} --substitute gleu=gelu", 2, "no activation is called `gleu`"),
    Row(f"{TINY} --min-drift-psnr 20", 2, "nothing drifts without an approximation"),
    Row(
        f"{TINY} --substitute relu=tanh --min-drift-psnr 200",
        4,
        "the approximations leave output `logits` …",
    ),
    Row(f"{TINY} --output-names a,b", 2, "2 names for 1 output"),
    Row(f"{TINY} --output-names x", 2, "`x`: an input has that name"),
    Row(f"{TINY} --output-names 1st", 2, "`1st` cannot name an output: letters, digits and _ only, and no digit first"),
    Row("export models.py:Dense --output out --output-names a,a", 2, "`a` is given twice"),
    Row(f"{TINY} --precision mixed --target onnx", 3, "mixed precision is found for Core ML programs only"),
    Row(f"{TINY} --precision mixed --flexible 32,48", 3, "mixed precision is found for one size of pictures only"),
    Row(f"{TINY} --flexible 32", 2, "32x32 is one size"),
    Row(f"{TINY} --flexible 32,32", 2, "32x32 is one size"),
    Row(
        f"{TINY} --flexible {','.join(map(str, range(1, 130)))}",
        2,
        "129 sizes are more than the 128 that Core ML enumerates",
    ),
    Row(f"{TINY} --flexible 32,twelve", 2, "`twelve` is no resolution"),
    Row(f"{TINY} --flexible 32,48 --resolution 40", 2, "the default size 40x40 is not among the sizes 32x32, 48x48"),
    Row(f"{TINY} --flexible 32,48 --target onnx --target coreml", 3, "one ONNX file cannot take several sizes here"),
    Row("export models.py:OneSize --output out --flexible 32,48", 2, "models.py:OneSize does not take 48x48: …"),
    Row("export models.py:Words --output out --flexible 32,48", 2, "models.py:Words takes no picture, so …"),
    Row(
        "export deit_tiny_patch16_224 --weights random --output out --flexible 224,225",
        2,
        "deit_tiny_patch16_224 does not take 225x225",
    ),
    Row(
        "export models.py:Positions --output out --flexible 32,64",
        3,
        "one function cannot take all of these sizes: the constant `…",
    ),
    Row(f"{TINY} --images absent", 2, "the folder of pictures does not exist"),
    Row(f"{TINY} --images a_folder", 2, "no picture in the folder"),
    Row(f"{TINY} --images bad_pictures", 2, "cannot read the picture: cannot identify image file 'cat.png'"),
    Row(f"{TINY} --name ../elsewhere", 2, "`../elsewhere` cannot name a folder"),
    Row(f"{TINY} --min-psnr quiet", 2, "Invalid value for '--min-psnr': …"),
    Row(f"{TINY} --seed -1", 2, "Invalid value for '--seed': …"),
    Row(f"{TINY} --bogus", 2, "No such option: --bogus"),
    Row("export", 2, "Missing argument 'MODEL'."),
    # the graph
    Row(
        "export models.py:Branching --output out",
        3,
        "the model's control flow depends on the values of a tensor, which no static graph can hold",
    ),
    Row(
        "export models.py:Drawing --output out",
        3,
        "the model draws random numbers in eval mode (aten.rand.default)",
    ),
    Row("export models.py:Unfit --output out", 3, "the model does not run on an input of 1x5x32x32: RuntimeError: …"),
    Row(
        "export models.py:NotANumber --output out",
        4,
        "the original model itself gives NaN in output `logits` on the sample 'grace_hopper'",
    ),
    # the proof
    Row(
        "export models.py:Beyond --output out",
        3,
        "the weight `conv2d_weight` holds 1.92e+05, beyond float16's largest number 65504",
    ),
    Row(
        "export models.py:Overflow --output out",
        4,
        "the converted model does not equal the original: 4 of its 4 values are NaN",
    ),
    Row(
        "export models.py:Deep --output out",
        3,
        "a value of more than five axes could not be rewritten: …",
    ),
    Row(f"{TINY} --min-psnr 500", 4, "the converted model does not equal the original: its PSNR of …"),
    # the output
    Row("export models.py:Tiny --output a_file/below", 2, "cannot write a_file/below: Not a directory"),
    Row("export models.py:Tiny --output a_file", 2, "cannot write a_file: File exists"),
    Row(
        "export models.py:Tiny --output . --name bad_pictures",
        2,
        "bad_pictures exists and was not made by mobiledeploy",
    ),
    # artifacts
    Row("check absent", 2, "absent does not exist"),
    Row("check a_folder", 2, "no exported model at a_folder"),
    Row("check a_file", 2, "no exported model at a_file"),
    Row(
        "check damaged",
        2,
        "`tiny.mlpackage/Data/com.apple.CoreML/model.mlmodel` is not what was exported: its SHA-256 differs",
    ),
    Row("check cut", 2, "not valid JSON: …"),
    Row("check right/tiny --runner guess", 2, "no runner is called 'guess'"),
    Row("check right/tiny --images absent", 2, "the folder of pictures does not exist"),
    Row("check right/tiny --junit absent/report.xml", 2, "cannot write absent/report.xml"),
    Row("check right/tiny --summary a_folder", 2, "cannot write a_folder"),
    Row("check", 2, "Missing argument 'ARTIFACT...'."),
    Row("run a_folder --image good.png", 2, "no exported model at a_folder"),
    Row("diagnose nowhere.mlpackage", 2, "nowhere.mlpackage does not exist"),
    Row(
        "diagnose right/tiny --precision float32",
        2,
        "--precision is of models; an exported artifact has its own options",
    ),
    Row("run right/tiny --image absent.png", 2, "cannot read the picture: No such file or directory"),
    Row("run right/tiny --image picture.png", 2, "cannot read the picture: cannot identify image file 'picture.png'"),
    Row("run right/tiny", 2, "inputs are not given: x (float32 1x3x32x32)"),
    Row("run right/tiny --input x=absent.npy", 2, "cannot read absent.npy: No such file or directory"),
    Row("run right/tiny --input x=good.png", 2, "good.png is no file of numbers by NumPy"),
    Row("run right/tiny --input good.npy", 2, "`good.npy` names no input"),
    Row("run right/tiny --inputs good.npz --random", 2, "the model has no input `z`"),
    Row("run right/tiny --input x=good.npy", 2, "input 'x': its shape is (2,), expected (1, 3, 32, 32)"),
    Row("run right/tiny --image z=good.png", 2, "the model has no input `z`"),
    Row("run right/tiny --image good.png --image good.png", 2, "no input waits for the picture good.png"),
    Row("run right/tiny --random --function other", 2, "the package has no function 'other'"),
    Row("run right/tiny --random --precision float16", 2, "`float16` is no precision that mobiledeploy knows"),
    Row("run right/tiny --random --output out.txt", 2, "out.txt does not end in .npz"),
    Row("run right/tiny --random --output absent/out.npz", 2, "cannot write absent/out.npz"),
    Row("run right/tiny --random --repeat 0", 2, "Invalid value for '--repeat': …"),
    Row("run zipped.zip --random", 2, "zipped.zip is a zip archive"),
    Row("run compiled.mlmodelc --random", 3, "compiled.mlmodelc is a compiled model, which Core ML alone can read"),
    Row("run around --random", 2, "around is a folder around a package"),
    Row("run absent.mlpackage --random", 2, "absent.mlpackage does not exist"),
    Row("run empty.mlpackage --random", 2, "the folder has no Manifest.json"),
    Row(
        "run network.mlmodel --random",
        3,
        "the model is in the older neural-network format (neuralNetwork), not an ML Program",
    ),
    Row(
        "run trees.mlmodel --random",
        3,
        "the model is a tree ensemble classifier (treeEnsembleClassifier), not an ML Program",
    ),
    Row(
        "run networks.mlmodel --random",
        3,
        "the model is in the older neural-network format (neuralNetwork), not an ML Program",
    ),
    Row("convert right/tiny", 2, "Missing option '--to'."),
    Row("convert right/tiny --to tflite", 2, "`tflite` is no format that mobiledeploy knows"),
    Row("convert right/tiny --to onnx --precision half", 2, "`half` is no precision that mobiledeploy knows"),
    Row("convert right/tiny --to onnx --to pt2 --output x.onnx", 2, "one file cannot hold 2 formats"),
    Row("convert right/tiny --to onnx --output x.pt2", 2, "x.pt2 does not end in .onnx"),
    Row("convert right/tiny --to onnx --output absent/x.onnx", 2, "cannot write absent/x.onnx"),
    Row("convert right/tiny --to onnx --function other", 2, "the package has no function 'other'"),
    Row("convert absent.mlpackage --to onnx", 2, "no such package: absent.mlpackage"),
    Row("convert a_folder --to onnx", 2, "the folder has no Manifest.json"),
    Row(
        "convert damaged --to pt2",
        2,
        "`tiny.mlpackage/Data/com.apple.CoreML/model.mlmodel` is not what was exported: …",
    ),
    Row(
        "convert network.mlmodel --to onnx",
        3,
        "the model is in the older neural-network format (neuralNetwork), not an ML Program",
    ),
    Row("run right/tiny --image picture.png --top 0", 2, "Invalid value for '--top': …"),
    Row(
        "run damaged/tiny.mlpackage --image good.png",
        2,
        "`tiny.mlpackage/Data/com.apple.CoreML/model.mlmodel` is not what was exported: …",
    ),
    Row(
        "run damaged --image good.png",
        2,
        "`tiny.mlpackage/Data/com.apple.CoreML/model.mlmodel` is not what was exported: …",
    ),
    # the rest
    Row("models no_such_thing_*", 2, "no model of the zoo matches `no_such_thing_*`"),
    Row("models --status --results absent.jsonl", 2, "no results file is there: absent.jsonl"),
    # phones
    Row("bench fastvit_t88", 2, "no model is called `fastvit_t88`"),
    Row("bench a_folder", 2, "no exported model at a_folder"),
    Row("bench damaged", 2, "`tiny.mlpackage/Data/com.apple.CoreML/model.mlmodel` is not what was exported: …"),
    Row("bench right/tiny --compute-units npu", 2, "`npu` is no compute unit that mobiledeploy knows"),
    Row("bench right/tiny --protocol mean", 2, "no protocol is called 'mean'"),
    Row("bench right/tiny --lan --host 127.0.0.1", 2, "--lan and --host contradict each other"),
    Row("bench right/tiny --store delphi://x", 2, "cannot open the store: Can't load plugin: …"),
    Row("bench right/tiny --store a_file/results.db", 5, "cannot use the store: File exists"),
    Row("bench absent.mlpackage", 2, "no such package: absent.mlpackage"),
    Row("bench right/tiny --sizes 64", 2, "tiny.mlpackage does not take 64x64"),
    Row("bench right/tiny --sizes big", 2, "`big` is no resolution"),
    Row("bench right/tiny --app Harness.app", 2, "--app is of a phone that devicectl knows"),
    Row("bench", 2, "Missing argument 'MODEL|PACKAGE...'."),
    Row("serve --host 192.0.2.1", 5, "cannot listen on 192.0.2.1:8477: Cannot assign requested address"),
    Row("serve --store a_folder --port 0", 5, "cannot use the store: unable to open database file"),
    Row("serve --store mysql://me:secret@host/x", 2, "cannot open the store: mysql cannot be one, only sqlite and …"),
    Row("serve --store postgresql://me:secret@host:x/y", 2, "cannot open the store: this is no URL of a database"),
    Row("queue burn", 2, "`burn` is no thing to do with a queue that mobiledeploy knows"),
    Row("queue cancel", 2, "`cancel` needs to know what: jobs, campaigns, or --all"),
    Row("queue list", 2, "no store is there: exports/results.db"),
    Row("queue list x", 2, "`list` takes no further argument"),
    Row("results list --store sqlite://", 2, "cannot open the store: it would be gone with this process"),
    Row("results list --store postgresql://me:secret@127.0.0.1:1/x", 5, "cannot use the store: connection failed: …"),
    Row("results list", 2, "no store is there: exports/results.db"),
    Row("results burn", 2, "`burn` is no thing to do with results that mobiledeploy knows"),
    Row("results import picture.png", 2, "not valid JSON: …"),
    Row("results import a_folder", 2, "a_folder holds no report.json"),
    Row("results export all.txt --store a_file", 2, "results are exported to one .json or .csv"),
    Row("results show x --store a_file", 5, "cannot use the store: file is not a database"),
    # sweeps
    Row("sweep fastvit_t88", 2, "no model is called `fastvit_t88`"),
    Row("sweep models.py:none_*", 2, "no factory of models.py matches `none_*`"),
    Row("sweep labels3.txt", 2, "no model is called `one`"),
    Row("sweep labels.bin", 2, "cannot read the list labels.bin: it is not UTF-8 text"),
    Row("sweep models.py:raises --results picture.png", 2, "picture.png is no results file of a sweep"),
    Row("sweep models.py:raises --results a_file/below.jsonl", 2, "cannot read a_file/below.jsonl: Not a directory"),
    Row("sweep models.py:raises --engine abacus", 2, "`abacus` is no engine that mobiledeploy knows"),
    Row("sweep models.py:raises --retry twice", 2, "`twice` is no choice of what to try again that mobiledeploy knows"),
    Row("sweep", 2, "Missing argument 'PATTERN|FILE...'."),
    Row("exprot fastvit_t8", 2, "No such command 'exprot'. Did you mean 'export'?"),
]
