"""`atypeak-scale demo`."""

import click

from atypeak_scale.execution.executor import InProcess

from .advice import commands_of
from .common import import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option, tell_reports


@click.command()
@click.option("--workdir", default="atypeak-demo", show_default=True, type=click.Path(file_okay=False),
              metavar="DIR", help="Folder for the example; created if it does not exist.")  # fmt: skip
@summary_option
def demo(workdir: str, summary: Summary) -> None:
    """Score an artificial catalogue whose noise is known. Takes a minute or two."""
    import_tensorflow_quietly()
    from atypeak_scale.demo import run_demo
    from atypeak_scale.storage.locations import join
    from atypeak_scale.workdir import STORE

    executor = InProcess()
    with progress_on(executor):
        commands = commands_of(join(workdir, STORE), {}, "artificial", workdir)
        result = run_demo(workdir, executor, commands)
    tell_reports(summary, result.reports)
    summary.say(result.explain(), found=result.found, medians=result.medians)
    summary.say("Then run it on your own files: atypeak-scale run --help")
