"""Parameters with which the learned signals train early and often, for tests that look at a few hundred bins."""

from typing import Any

_WALK_FORWARD = {
    "train_from_bins": 60,
    "refit_bins": 130,
    "train_bins": 400,
    "tp_ticks": 2,
    "sl_ticks": 2,
    "max_hold_bins": 20,
}
QUICK: dict[str, dict[str, Any]] = {
    "svm_sp": _WALK_FORWARD,
    "gbm_mf": _WALK_FORWARD | {"rounds": 20, "patience": 5},
    "knn_cl": _WALK_FORWARD,
    "lsvm_der": _WALK_FORWARD,
    "xgb_snap": _WALK_FORWARD | {"rounds": 10},
    "pca_ad": {"window_bins": 60, "refit_bins": 50},
}
"""A signal that is not here is taken with its own parameters."""
