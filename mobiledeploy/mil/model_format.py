"""The model formats that are no ML Programs: what each is called, and what its owner can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobiledeploy.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PIPELINES", "not_a_program", "pipeline_of"]

PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")

_NEURAL_NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")

# Model.proto's names of the types, in words
_WORDS: Mapping[str, str] = {
    "glmRegressor": "a generalized linear regressor",
    "glmClassifier": "a generalized linear classifier",
    "supportVectorRegressor": "a support vector regressor",
    "supportVectorClassifier": "a support vector classifier",
    "treeEnsembleRegressor": "a tree ensemble regressor",
    "treeEnsembleClassifier": "a tree ensemble classifier",
    "bayesianProbitRegressor": "a Bayesian probit regressor",
    "kNearestNeighborsClassifier": "a nearest-neighbours classifier",
    "itemSimilarityRecommender": "an item similarity recommender",
    "customModel": "a custom model, whose code is in an app",
    "linkedModel": "a link to another model",
    "classConfidenceThresholding": "a thresholding of class confidences",
    "oneHotEncoder": "a one-hot encoder",
    "imputer": "an imputer",
    "featureVectorizer": "a feature vectorizer",
    "dictVectorizer": "a dictionary vectorizer",
    "scaler": "a scaler",
    "categoricalMapping": "a categorical mapping",
    "normalizer": "a normalizer",
    "arrayFeatureExtractor": "an array feature extractor",
    "nonMaximumSuppression": "a non-maximum suppression",
    "identity": "an identity",
    "textClassifier": "a text classifier",
    "wordTagger": "a word tagger",
    "visionFeaturePrint": "Apple's Vision feature print",
    "soundAnalysisPreprocessing": "a sound preprocessing",
    "gazetteer": "a gazetteer",
    "wordEmbedding": "a word embedding",
    "audioFeaturePrint": "Apple's audio feature print",
    "serializedModel": "a serialized model",
}

# what Apple's own frameworks compute with data that no package carries
_APPLES = ("textClassifier", "wordTagger", "visionFeaturePrint", "gazetteer", "wordEmbedding", "audioFeaturePrint")


def not_a_program(kind: str, where: str) -> UnsupportedError:
    """The error for a model of the type `kind` (a name of Model.proto), which is neither program nor pipeline."""
    if kind in _NEURAL_NETWORKS:
        what = f"the model is in the older neural-network format ({kind}), not an ML Program"
        remedy = "Convert the original model again with convert_to='mlprogram' (iOS 15 or newer)."
    else:
        what = f"the model is {_WORDS.get(kind, 'of another kind')} ({kind}), not an ML Program"
        remedy = "Only ML Programs and pipelines of them can be executed here."
        if kind in _APPLES:
            remedy += " Apple's systems alone hold what this one needs."
    return UnsupportedError(what, where=where, remedy=remedy)


def pipeline_of(message: Any) -> Any | None:
    """The `Pipeline` message that a `Model` message holds, whatever the pipeline ends in; None where it holds none."""
    kind = message.WhichOneof("Type")
    if kind not in PIPELINES:
        return None
    return message.pipeline if kind == "pipeline" else getattr(message, kind).pipeline
