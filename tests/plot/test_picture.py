"""What a picture says equals the module, its absent sources and the explanation of its lowest peak."""

import re
from dataclasses import replace

import numpy as np
import pytest

from atypeak_scale.assess import absent_sources, explain_peaks
from atypeak_scale.assess.regions.module import Module, module
from atypeak_scale.assess.regions.places import CrmPlace
from atypeak_scale.assess.regions.tracks import tracks
from atypeak_scale.plot import picture as picture_module
from atypeak_scale.plot.picture import lowest_text, number_text, picture
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block


def test_picture__says_what_the_module_holds(found: Module, supported: Scores) -> None:
    drawn = picture(found, support=supported)
    assert drawn.title == f"{found.place.text}  CRM {found.place.crm}"
    sources = found.peaks.groupby(["dataset", "tr"]).ngroups
    doubt = found.peaks["doubt"]
    assert drawn.facts == (
        f"{found.place.end - found.place.start:,} bp, {len(found.peaks)} peaks of {sources} sources; "
        f"doubt above 0.5: {(doubt > 0.5).sum()}; not judged: {doubt.isna().sum()}",
    )
    assert (drawn.start, drawn.end) == (found.place.start, found.place.end)
    assert repr(list(drawn.tracks)) == repr(tracks(found, "doubt")[1])  # NaN differs from itself
    assert [(one.source, one.value) for one in drawn.absent] == [
        (f"{row.dataset}.{row.tr}", row.value)
        for row in absent_sources(found, "expected").head(4).itertuples()
        if row.value >= 0.05
    ]


def test_picture__explains_the_lowest_peak(found: Module, supported: Scores) -> None:
    """Here no source can be judged: it is the peak with the least support."""
    drawn = picture(found, support=supported)
    number = (
        found.peaks["doubt"].idxmax()
        if found.peaks["doubt"].notna().any()
        else found.peaks["support"].idxmin()
    )
    row = found.peaks.loc[number]
    assert (
        f"{row['dataset']}.{row['tr']} at {row['contig']}:{row['start'] + 1:,}-{row['end']:,}: "
        in drawn.why[0]
    )
    assert f"support {row['support']:+.1f}, final {row['final']:.0f}" in drawn.why[0]
    table = explain_peaks(supported, [int(number)])
    assert drawn.why[1].startswith(f"{table['overlaps'].sum()} other source")
    told = dict(re.findall(r"(\S+\.\S+) ([+-]\d+\.\d)", " ".join(drawn.why[2:])))
    names = table["other_dataset"] + "." + table["other_tr"]
    effects = dict(zip(names, table["effect"], strict=True))
    assert told
    for name, effect in told.items():
        assert float(effect) == pytest.approx(effects[name], abs=0.051)
    strongest = table[(table["present"] == 1) & (table["effect"] >= 0.05)]
    if len(strongest):
        assert f"for it: {names[strongest.index[0]]} " in drawn.why[2]


def test_picture__the_doubtful_peak_comes_first(found: Module) -> None:
    doubt = np.linspace(0.1, 0.9, len(found.peaks))
    judged = replace(found, peaks=found.peaks.assign(doubt=doubt))
    drawn = picture(judged)
    assert drawn.why == (drawn.why[0],)
    assert drawn.why[0].startswith("least trusted: ")
    assert "doubt 0.90" in drawn.why[0]


def test_picture__of_the_article_alone(found: Module, article: Scores) -> None:
    drawn = picture(module(article.cell_line, found.place, article))
    assert drawn.score == "final"
    assert drawn.expected == "rebuilt by the article's network"
    assert drawn.why[0].startswith("least trusted: ")
    bare = picture(replace(found, windows=found.windows[["original"]]), "raw")
    assert (bare.expected, bare.absent) == ("", ())


def test_picture__other_crms_and_long_ones(found: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [CrmPlace("chr1", at, at + 10, at, Block(0, 1)) for at in range(4)]
    monkeypatch.setattr(picture_module, "MOST_NAMED", 3)
    assert picture(found, others=others[:1]).facts[1:] == ("also there: CRM 0 (chr1:1-10)",)
    assert picture(found, others=others).facts[1].endswith(", CRM 2 (chr1:3-12) and 1 more")
    part = replace(found, is_whole=False, windows=found.windows.isel(window=[0]))
    drawn = picture(part)
    assert drawn.facts[1] == "it is long: these are the first 1 of its 2 windows"
    assert drawn.end == int(part.windows["bin_start"][0, -1]) + 10


@pytest.mark.parametrize(
    "score, value, text",
    [
        ("doubt", 0.96, "0.96"), ("doubt", 0.0312, "0.031"), ("doubt", 0.0, "0.00"),
        ("doubt", 1e-5, "<0.001"),
        ("doubt", np.nan, "-"), ("support", -7.04, "-7.0"), ("support", 2.0, "+2.0"), ("final", 749.6, "750"),
        ("final", -12.0, "-12"), ("overlapping_sources", 3.0, "3"), ("raw", 1.234, "1.23"),
    ],
)  # fmt: skip
def test_number__as_people_read_it(score: str, value: float, text: str) -> None:
    assert number_text(score, value) == text


def test_lowest__is_the_least_trusted(found: Module) -> None:
    for one in tracks(found, "support")[1]:
        dataset, tr = one.source.split(".")
        mine = found.peaks[(found.peaks["dataset"] == dataset) & (found.peaks["tr"] == tr)]
        assert lowest_text("support", one) == f"{mine['support'].min():+.1f}"
