"""`atypeak-scale show`."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from atypeak_scale.errors import StageMissingError

from .chosen import Chosen, following_argument, model_options
from .common import import_tensorflow_quietly
from .summary import Summary, summary_option

if TYPE_CHECKING:
    from atypeak_scale.plot.picture import Picture
    from atypeak_scale.scoring.scores import Scores


@click.command()
@click.option("--score", metavar="NAME",
              help="Score that shades the peaks: doubt, final, raw, support, or another column of "
              "peaks.parquet.  [default: doubt, or final if there is no support]")  # fmt: skip
@click.option("--svg", type=click.Path(), metavar="FILE", help="Also write the picture as a new SVG file.")
@model_options(required=False, several=True)
@following_argument("region")
@summary_option
def show(chosen: Chosen, region: str, score: str | None, svg: str | None, summary: Summary) -> None:
    """Show a module of STORE: its peaks by source, what is expected there, and why a peak is low.

    REGION is a place as genome browsers write it, such as chr1:778,327-779,298 or chr1:778,327, or the number
    of a CRM, as in the column crm. Each line is a source; its score is that of its least trusted peak.
    The sources with the least trusted peaks come first.
    Name models of the article and of support to see what they expect there, unless STORE is the folder of
    a run.
    """
    from atypeak_scale.assess.regions.places import find_modules, parse_region
    from atypeak_scale.storage.targets import target

    if not re.fullmatch("[0-9][0-9,]*", region.strip()):
        parse_region(region.strip())  # refused before anything is opened
    if svg is not None:
        target(svg).refuse_existing_file()
    cell_line = chosen.cell_line()
    place, *others = find_modules(cell_line, region)
    article, support = _complete(chosen)
    if chosen.models:
        import_tensorflow_quietly()
    from atypeak_scale.assess.regions.module import module
    from atypeak_scale.plot.picture import picture

    found = module(cell_line, place, article, support)
    drawn = picture(found, score, support if chosen.models else None, others)
    if svg is not None:
        from atypeak_scale.plot.module_svg import module_svg

        with target(svg).new_file() as file:
            file.write_text(module_svg(drawn), encoding="utf-8")
    if summary.as_json:
        summary.facts({**asdict(found.place), "peaks": found.peaks.to_dict("records")})
    else:
        _print(drawn)
    if svg is not None:
        summary.files([(svg, "the same as a picture")])


def _complete(chosen: Chosen) -> "tuple[Scores | None, Scores | None]":
    """Return the complete scores of the article and of support; an error if there are none at all."""
    from atypeak_scale.scoring.named_scores import by_objective
    from atypeak_scale.scoring.open_scores import all_complete_scores

    given = chosen.scores_of_each() or all_complete_scores(chosen.cell_line(), chosen.results)
    complete, missing = [], []
    for one in given:
        try:
            one.require_complete()
        except StageMissingError as error:
            missing.append(error)
        else:
            complete.append(one)
    if not complete:
        raise missing[0]
    together = by_objective(complete)
    return together.get("article"), together.get("support")


def _print(drawn: "Picture") -> None:
    from rich.console import Console

    from .module_screen import module_lines

    console = Console(highlight=False)
    with console.capture() as captured:
        for line in module_lines(drawn, console):
            console.print(line, no_wrap=True, crop=True, overflow="crop")
    click.echo(captured.get(), nl=False)
