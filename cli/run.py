"""`atypeak-scale run`."""

import click

from atypeak_scale.execution.cluster import Cluster

from .common import (
    FolderOrUrl,
    cluster_options,
    dry_run_options,
    import_tensorflow_quietly,
    print_facts,
    print_reports,
    progress_bar,
)


@click.command()
@click.argument("config")
@click.option("--workdir", required=True, type=FolderOrUrl(file_okay=False), metavar="DIR",
              help="Folder or URL for store, model and scores; made where absent.")  # fmt: skip
@click.option("--peaks", metavar="FILE", help="Peaks, BED; instead of inputs.peaks of the configuration.")
@click.option("--crms", metavar="FILE", help="CRMs, BED; instead of inputs.crms of the configuration.")
@dry_run_options
@cluster_options
def run(
    config: str,
    workdir: str,
    peaks: str | None,
    crms: str | None,
    dry_run: bool,
    as_json: bool,
    cluster: Cluster,
) -> None:
    """From BED files to scored BED files, as CONFIG says: a YAML file, or the name of a bundled one.

    A stage whose output is in the workdir and was made from the same inputs and settings is left out.
    """
    from atypeak_scale.config import load_config
    from atypeak_scale.pipeline import plan_pipeline, run_pipeline

    settings = load_config(config)
    with progress_bar() as progress:
        if dry_run:
            plans = plan_pipeline(settings, workdir, peaks, crms, progress)
        else:
            import_tensorflow_quietly()
            reports = run_pipeline(settings, workdir, peaks, crms, cluster, progress)
    if dry_run:
        print_facts(plans, as_json)
    else:
        print_reports(reports)
