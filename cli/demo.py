"""`atypeak-scale demo`."""

import click

from .common import import_tensorflow_quietly, print_reports, progress_bar


@click.command()
@click.option("--workdir", default="atypeak-demo", show_default=True, type=click.Path(file_okay=False),
              metavar="DIR", help="Folder for the example; made where absent.")  # fmt: skip
def demo(workdir: str) -> None:
    """Score an artificial catalogue, of which it is known which peaks are noise. Takes a minute or two."""
    import_tensorflow_quietly()
    from atypeak_scale.demo import run_demo

    with progress_bar() as progress:
        result = run_demo(workdir, progress)
    print_reports(result.reports)
    click.echo(result.explain())
