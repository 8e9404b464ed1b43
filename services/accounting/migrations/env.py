from services.accounting.ledger.chart_repository import write_chart
from shared.migrations import run_env

run_env(after_upgrade=write_chart)
