"""Peaks by p, against a histogram of all peaks."""

import numpy as np

from atypeak_scale.registry.report_columns import CALIBRATION
from atypeak_scale.report.calibration import RANGES, calibration
from atypeak_scale.report.results import Results


def test_calibration__counts_every_peak_once(results: Results) -> None:
    assert results.support is not None
    found = calibration(results.support)
    assert list(found.columns) == [column.name for column in CALIBRATION.columns]
    peaks = results.support.peaks.to_dataframe()
    verdict = results.experiments.set_index(["dataset", "tr"])["verdict"]
    judged = np.array([verdict[key] == "judged" for key in zip(peaks["dataset"], peaks["tr"], strict=True)])
    for kind, mine in (("judged", judged), ("not judged", ~judged)):
        rows = found[found["of"] == kind]
        p = peaks["p_random"][mine].astype(float)
        assert rows["peaks"].tolist() == np.histogram(p, np.arange(RANGES + 1) / RANGES)[0].tolist()
    share = results.experiments.query("verdict == 'judged'")
    expected = (share["share_random"] * share["peaks"]).sum() / RANGES
    np.testing.assert_allclose(found[found["of"] == "judged"]["random"], expected)
