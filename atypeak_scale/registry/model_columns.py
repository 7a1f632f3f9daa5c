"""The columns of the tables that compare models: searches, and the stability of scores between seeds."""

from atypeak_scale.registry.table import VIEW0, VIEW1, Column, Table

_SEARCH_IS = "every trained model; the columns before these are the settings that were searched"
_SEED = Column("seed", "int64", "training seed")
_LOSS = Column("loss", "float64", "loss of the epoch that was kept")
_COST = (
    Column("epochs", "int64", "epochs run"),
    Column("parameters", "int64", "trainable parameters"),
    Column("seconds", "float64", "time of the training", "s"),
)
_FOLDER = Column("folder", "text", "folder of the setting's models")

SEARCH = Table(
    "search",
    _SEARCH_IS,
    (_SEED, _LOSS, *_COST, Column("q_score", "float64", "Q-score; lower is better"), _FOLDER),
    has_others=True,
)
SEARCH_POWER = Table(
    "search",
    _SEARCH_IS,
    (
        _SEED,
        _LOSS,
        Column("validation_loss", "float64", "its loss on windows that were kept out of training"),
        *_COST,
        Column("power", "float64", "mean power of support over sources, on a sample; higher is better"),
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
        Column("peaks", "int64", "number of sampled peaks of the source"),
        Column("spearman", "float64", "Spearman correlation of their scores, missing if all are equal"),
    ),
)
