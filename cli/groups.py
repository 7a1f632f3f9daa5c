"""`atypeak-scale groups`."""

import click

from atypeak_scale.execution.executor import InProcess

from .chosen import Chosen, model_options
from .common import import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option

MOST_SHOWN = 8  # sources of a group, or phantoms of a source


@click.command()
@click.option("--source", metavar="DATASET.TR", help="Also print the strongest phantoms of this source.")
@click.option("--groups", type=click.IntRange(min=1), metavar="N",
              help="Number of groups. Default: the one with the largest mean silhouette.")  # fmt: skip
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the tables. Default: none are written.")  # fmt: skip
@model_options(required=True, several=True, of_run=("article",))
@summary_option
def groups(chosen: Chosen, out: str | None, groups: int | None, source: str | None, summary: Summary) -> None:
    """Find which sources of STORE a model expects together: its correlation groups.

    For several seeds, repeat --model or give the folder that holds them all: the models are averaged and
    compared. The scores of STORE are neither needed nor changed. The matrices are kept with the scores of the
    first model.
    """
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.store.cell_line import require_source

    if out is not None:
        refuse_existing_output(out)
    scores, executor = chosen.scores_of_each(), InProcess()
    if source is not None:
        require_source(scores[0].cell_line, source)
    import_tensorflow_quietly()
    from atypeak_scale.assess.interpretation import groups as assessment

    with progress_on(executor):
        found = assessment.groups(scores, groups, out, executor=executor)
    own, (first, second) = found["group_name"].to_numpy(), found["rebuilt"].dims[1:]
    of_groups: dict[str, list[str]] = {}
    for name, table in assessment.sources_table(found).groupby("group_name", sort=False):
        shown = [".".join(labels) for labels in zip(table[first], table[second], strict=True)]
        more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
        size = f"{len(shown)} source{'s' * (len(shown) > 1)}, rebuilt {table['own'].mean():.3f}"
        of_groups[str(name)] = shown
        summary.say(f"{name}: {size}: {', '.join(shown[:MOST_SHOWN])}{more}", groups=of_groups)
    summary.say(f"{found.attrs['groups']} groups of {len(own)} sources", sources=len(own))
    if (models := len(found.attrs["models"])) > 1:
        agreement = found.attrs["agreement"]
        summary.say(
            f"agreement of {models} models: mean adjusted Rand index {agreement:.3f}", agreement=agreement
        )
    if source is not None:
        phantoms = assessment.phantoms(found, source).head(MOST_SHOWN).to_dict("records")
        summary.say(f"phantoms of {source}:", phantoms=phantoms)
        for row in phantoms:
            cell = f"{row[f'phantom_{first}']}.{row[f'phantom_{second}']}"
            summary.say(f"{row['value']:.4f}  {cell}{'' if row['observed'] else ' (not a source)'}")
