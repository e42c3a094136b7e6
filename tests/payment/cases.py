"""Contracts as files hold them, bare and nested, for the tests of payment."""

from __future__ import annotations

from typing import Any

FFS: dict[str, Any] = {"fee_for_service": {"components": {"diagnostics": 0.8, "days": 1.1}}}
NESTED: dict[str, Any] = {
    "global_budget": {
        "budget": {"neutral": {"of": "pool", "on": "receipts"}},
        "surplus": [{"to": 0.10, "kept": 0.7}],
        "overrun": [{"to": 0.05, "borne": 1.0}, {"borne": 0.5}],
        "rebasing": {"weight_on_history": 0.3, "growth": {"value": 5, "unit": "percent/year"}},
        "of": {
            "blend": [
                {"scope": {"setting": "inpatient"}, "contract": {"drg": {"base_rate": "neutral"}}},
                {
                    "scope": {"setting": "primary"},
                    "contract": {
                        "capitation": {"rate": "neutral", "share_elsewhere": 0.1, "stop_loss": 0.05}
                    },
                },
                {"scope": "rest", "contract": {"fee_for_service": {"multiplier": "neutral"}}},
            ]
        },
    }
}
CASES: dict[str, Any] = {
    "fee_for_service": FFS,
    "fee_for_service, neutral": {"fee_for_service": {"multiplier": "neutral"}},
    "drg": "drg",
    "capitation": "capitation",
    "capitation, downstream": {
        "capitation": {"risk": "none", "share_elsewhere": 0.5, "stop_loss": 0.2}
    },
    "global_budget": {"global_budget": {"of": FFS}},
    "global_budget, soft": {
        "global_budget": {"surplus": [], "overrun": [{"to": 0.1, "borne": 0.5}], "of": FFS}
    },
    "value_based": {"value_based": {"of": "fee_for_service"}},
    "value_based, own": {"value_based": {"benchmarks": "own", "at_risk": 0.3, "of": "drg"}},
    "outcome_tiers": {"outcome_tiers": {"predicted": "own", "of": "fee_for_service"}},
    "satisfaction": {"satisfaction": {"at_risk": 0.1, "of": "drg"}},
    "pay_for_performance": {"pay_for_performance": {"of": "fee_for_service"}},
    "pay_for_performance, threshold": {
        "pay_for_performance": {
            "form": "threshold",
            "stake": 0.25,
            "measures": {"chronic_control": 2, "experience": 1},
            "targets": "own",
            "of": "capitation",
        }
    },
    "phase_in": {
        "phase_in": {
            "before": "fee_for_service",
            "after": {"global_budget": {"of": "drg"}},
            "weights": [0.4, 1.0],
        }
    },
    "contract_choice": {
        "contract_choice": {"standard": FFS, "option": "capitation", "largest_share": 0.6},
    },
    "shared_savings": {
        "shared_savings": {"minimum_rate": 0.02, "quality_gate": 0.3, "of": "fee_for_service"}
    },
    "shared_savings, two-sided": {
        "shared_savings": {
            "loss_sharing": 0.4,
            "minimum_rate": 0.0,
            "risk_growth_cap": 10,
            "agreement_years": 1,
            "of": "capitation",
        }
    },
    "per_diem": "per_diem",
    "per_diem, by band": {
        "per_diem": {
            "bands": [{"to": 3, "ratio": 1.3}, {"to": 10, "ratio": 1.0}, {"ratio": 0.7}],
            "by_group": {"group-2": 1.2},
        }
    },
    "bundled_payment": {
        "bundled_payment": {
            "groups": ["group-1", "group-3"],
            "discount": 0,
            "of": {"fee_for_service": {"multiplier": "neutral"}},
        }
    },
    "bundled_payment, one-sided": {
        "bundled_payment": {"groups": "group-2", "loss_share": 0, "stop_gain": 0.05, "of": "drg"}
    },
    "clinical_pathway": {"clinical_pathway": {"groups": ["group-2"], "of": "drg"}},
    "clinical_pathway, shared": {
        "clinical_pathway": {
            "groups": ["group-1", "group-2"],
            "share_above": 0.5,
            "share_below": 0.3,
            "of": {"fee_for_service": {"multiplier": "neutral"}},
        }
    },
    "service_unit": "service_unit",
    "service_unit, stay": {"service_unit": {"unit": "stay"}},
    "cost_reimbursement": "cost_reimbursement",
    "cost_reimbursement, ceiling": {
        "cost_reimbursement": {"share": "neutral", "ceiling": "neutral"}
    },
    "performance_budget": {
        "performance_budget": {"full_from": 0.0, "count_uncovered": 0.5, "of": "fee_for_service"}
    },
    "procurement_retention": {"procurement_retention": {"of": "fee_for_service"}},
    "procurement_retention, due": {
        "procurement_retention": {"equivalent_share": 0.4, "full_marks": "own", "of": "drg"}
    },
    "blend by weight": {
        "blend": [{"weight": 0.3, "contract": FFS}, {"weight": 0.7, "contract": "capitation"}]
    },
    "blend by scope": {
        "blend": [
            {"scope": {"component": ["drugs", "diagnostics"]}, "contract": FFS},
            {"scope": {"setting": "outpatient"}, "contract": "capitation"},
            {"scope": "rest", "contract": "drg"},
        ]
    },
    "nested": NESTED,
    "value-based over nested": {"value_based": {"of": NESTED}},
}

POOLED: dict[str, Any] = {
    "dip": "dip",
    "dip, prefecture": {"dip": {"rest_share": 0.8, "primary_care": ["group-2"]}},
    "consortium": {"consortium": {"premium": 0, "weight_on_history": 0.3, "of": "fee_for_service"}},
    "consortium, by members over nested": {
        "consortium": {"premium": 0, "risk": "none", "distribution": "members", "of": NESTED}
    },
    "pay_for_performance, tournament": {
        "pay_for_performance": {"form": "tournament", "winners": 0.4, "of": "fee_for_service"}
    },
    "pay_for_performance, withhold": {
        "pay_for_performance": {"form": "withhold", "stake": 0.02, "of": "drg"}
    },
}
"""Contracts under which providers share money."""
