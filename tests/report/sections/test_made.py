"""How it was made: every table is listed, and what the scores record is told."""

import json

from atypeak_scale.report.page import Listing, Terms, Text
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections import data, verdict
from atypeak_scale.report.sections.made import METHODS, provenance, section


def test_section__lists_the_tables_of_the_others(results: Results) -> None:
    others = (verdict.section(results), data.section(results))
    blocks = section(results, others).blocks
    listings = {one.name: one for one in blocks if isinstance(one, Listing)}
    tables = [one for other in others for one in other.blocks if isinstance(one, Listing)]
    files = listings["files"].frame
    assert files["file"].tolist() == [f"tables/{one.name}.tsv" for one in tables]
    assert files["rows"].tolist() == [len(one.frame) for one in tables]


def test_section__explains_in_five_sentences(results: Results) -> None:
    text, terms, *_ = section(results, ()).blocks
    assert isinstance(text, Text) and len(METHODS) == len(text.paragraphs) == 5
    assert isinstance(terms, Terms) and dict(terms.terms)["doubt"].startswith("probability")


def test_provenance__has_inputs_settings_and_versions(results: Results) -> None:
    facts = {(of, name): value for of, name, value in provenance(results)}
    made = results.cell_line.made_from
    assert facts["data", "peaks.sha256"] == made["peaks"]["sha256"]
    assert facts["article", "trained.model.deep_dimension"] == "8"
    assert facts["support", "trained.training.objective"] == "support"
    assert json.dumps(facts["versions", "export.atypeak-scale"])
