"""The tables of the two reports that decisions are judged by."""

from typing import Final

from cloud_optimizer.core.costs.report import COST_REPORT_SCHEMA
from cloud_optimizer.core.replay.cluster import REPLAY_SCHEMA
from cloud_optimizer.resources.warehouse.tables import Table

POLICY_REPLAYS: Final = Table("policy_replays", REPLAY_SCHEMA, "date", ("date", "resource", "contract", "policy"))
COST_REPORTS: Final = Table("cost_reports", COST_REPORT_SCHEMA, "date", ("date", "owner", "currency"))
