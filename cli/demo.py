"""`atypeak-scale demo`."""

import click

from atypeak_scale.execution.executor import InProcess

from .advice import commands_of
from .common import import_tensorflow_quietly, print_reports
from .progress import progress_on


@click.command()
@click.option("--workdir", default="atypeak-demo", show_default=True, type=click.Path(file_okay=False),
              metavar="DIR", help="Folder for the example; created if it does not exist.")  # fmt: skip
def demo(workdir: str) -> None:
    """Score an artificial catalogue whose noise is known. Takes a minute or two."""
    import_tensorflow_quietly()
    from atypeak_scale.demo import run_demo
    from atypeak_scale.storage.locations import join
    from atypeak_scale.workdir import STORE

    executor = InProcess()
    with progress_on(executor):
        commands = commands_of(join(workdir, STORE), {}, "artificial", workdir)
        result = run_demo(workdir, executor, commands)
    print_reports(result.reports)
    click.echo(result.explain())
    click.echo("Then run it on your own files: atypeak-scale run --help")
