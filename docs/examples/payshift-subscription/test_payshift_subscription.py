"""The package's own tests: the common exam, and one case worked by hand."""

import numpy as np
from payshift_subscription import Subscription

from sim.activity import Activity
from sim.testing import examine


def test_subscription_passes_the_common_exam() -> None:
    examine(lambda context: Subscription(monthly_fee=12.0, visit_fee=8.0), has_fixed_prices=True)


def test_a_hundred_members_who_come_fifty_times_bring_fifteen_hundred_a_month() -> None:
    """From the rule itself: 100 members x CNY 10, and 50 visits x CNY 10."""
    month = Activity.zeros(1, groups=1).with_fields(
        member_months=np.array([100.0]), visits=np.array([[50.0, 0.0, 0.0]])
    )
    assert Subscription().revenue(month).tolist() == [1500.0]
