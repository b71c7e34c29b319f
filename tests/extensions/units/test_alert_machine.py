"""Alerts against a plain-Python model: whatever is held, ended, granted or planned, each threshold ever reached has its
one alert, with the balance of the moment at which it was first reached."""

import uuid

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from extensions.models import ExtensionRun, UnitAlert
from extensions.units import services
from library.models import Account
from mediahub.lib import clock

AMOUNTS = st.integers(min_value=1, max_value=120)


class AlertMachine(RuleBasedStateMachine):
    """Holds, posts, voids, grants and changes of plan through the services."""

    def __init__(self):
        super().__init__()
        self.account = Account.objects.create(
            slug=f"m{uuid.uuid4().hex[:12]}", webhook_secret_token="x", units_per_month=100, overage_units=20
        )
        self.allowed, self.used = 120, 0
        self.open: list[ExtensionRun] = []
        self.first: dict[int, tuple[int, int]] = {}

    def note(self):
        """What the model expects once the balance has moved up or the plan down."""
        for percent in (50, 80, 100):
            if self.used and self.used / self.allowed >= percent / 100:
                self.first.setdefault(percent, (self.used, self.allowed))

    @rule(amount=AMOUNTS)
    def hold(self, amount):
        run = ExtensionRun(account=self.account, file_id="0" * 24, units=amount)
        try:
            with transaction.atomic():
                services.hold(account=self.account, runs=[run], now=clock.now())
        except services.InsufficientUnits:
            assert self.used + amount > self.allowed
            return
        self.open.append(run)
        self.used += amount
        self.note()

    @precondition(lambda self: self.open)
    @rule(succeeded=st.booleans(), pick=st.integers(min_value=0))
    def end(self, succeeded, pick):
        run = self.open.pop(pick % len(self.open))
        services.close(run=run, succeeded=succeeded, now=clock.now())
        self.used -= 0 if succeeded else run.units

    @rule(amount=AMOUNTS)
    def grant(self, amount):
        services.grant(account=self.account, amount=amount, actor="t", reason="x")
        self.allowed += amount

    @rule(units=st.integers(min_value=0, max_value=300), overage=st.integers(min_value=0, max_value=50))
    def plan(self, units, overage):
        before = self.account.units_per_month + self.account.overage_units
        try:
            services.change_plan(account=self.account, units_per_month=units, overage_units=overage, actor="t")
        except services.InsufficientUnits:
            return
        self.allowed += units + overage - before
        self.note()

    @invariant()
    def each_threshold_ever_reached_has_its_first_alert(self):
        rows = UnitAlert.objects.of_account(self.account).values_list("percent", "used", "allowed")
        assert {percent: (used, allowed) for percent, used, allowed in rows} == self.first


@pytest.mark.django_db
def test_alerts_agree_with_their_model():
    run_state_machine_as_test(
        AlertMachine,
        settings=settings(
            max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
