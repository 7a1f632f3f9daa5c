"""The columns of the tables that compare models: searches, and the stability of scores between seeds."""

from atypeak_scale.registry.ranges import FROM_0, FROM_1, SHARE, SIGNED
from atypeak_scale.registry.table import VIEW0, VIEW1, Column, Table

_SEARCH_IS = "every trained model; the columns before these are the settings that were searched"
_SEED = Column("seed", "int64", "training seed", range=FROM_0)
_LOSS = Column("loss", "float64", "loss of the epoch that was kept", range=FROM_0)
_COST = (
    Column("epochs", "int64", "epochs run", range=FROM_0),
    Column("parameters", "int64", "trainable parameters", range=FROM_0),
    Column("seconds", "float64", "time of the training", "s", range=FROM_0),
)
_FOLDER = Column("folder", "text", "folder of the setting's models")

HISTORY = Table(
    "history",
    "loss of every epoch of a model",
    (
        Column("epoch", "int64", "number of the epoch, from 1", range=FROM_1),
        Column("loss", "float64", "mean loss of the epoch on the windows trained on", range=FROM_0),
        Column(
            "validation_loss", "float64", "loss on windows that were kept out; of support only", range=FROM_0
        ),
    ),
)
SEARCH = Table(
    "search",
    _SEARCH_IS,
    (_SEED, _LOSS, *_COST, Column("q_score", "float64", "Q-score; lower is better", range=FROM_0), _FOLDER),
    has_others=True,
)
SEARCH_POWER = Table(
    "search",
    _SEARCH_IS,
    (
        _SEED,
        _LOSS,
        Column(
            "validation_loss", "float64", "its loss on windows that were kept out of training", range=FROM_0
        ),
        *_COST,
        Column(
            "power",
            "float64",
            "mean power of support over sources, on a sample; higher is better",
            range=SHARE,
        ),
        _FOLDER,
    ),
    has_others=True,
)
STABILITY = Table(
    "stability",
    "how far the scores of every two seeds agree within each source",
    (
        VIEW0,
        VIEW1,
        Column("member", "text", "folder of the one model"),
        Column("other_member", "text", "folder of the other model"),
        Column("peaks", "int64", "number of sampled peaks of the source", range=FROM_0),
        Column(
            "spearman",
            "float64",
            "Spearman correlation of their scores, missing if all are equal",
            range=SIGNED,
        ),
    ),
)
