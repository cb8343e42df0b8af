"""District north every night, by Airflow's PapermillOperator. Airflow lives in an environment of its own.

The kernel `edfi` is the toolkit's environment: `.venv/bin/python -m ipykernel install --user --name edfi`.
Key and secret are in the environment of Airflow's workers: EDFI_TARGET_STATE_KEY, EDFI_TARGET_STATE_SECRET.
"""

from __future__ import annotations

import datetime as dt

from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.sdk import DAG, chain

STEPS = ("10_extract", "20_validate", "30_preview", "40_publish", "50_rejections")
# One run from notebook to notebook, and the same one when a task is tried again
ABOUT = {
    "profile": "certification",
    "school_year": "2026",
    "source": "north",
    "target": "state",
    "run_id": "{{ ts_nodash }}",
}
# What is refused ends the last step in an error, when all is on record; trying that again would not help
OF_STEP = {"40_publish": {"approved": "auto"}, "50_rejections": {"fail_on": "refused"}}

with DAG(
    "edfi_north", schedule="30 2 * * *", start_date=dt.datetime(2026, 1, 1), catchup=False, max_active_runs=1
):
    chain(
        *(
            PapermillOperator(
                task_id=step,
                input_nb=f"/srv/edfi/notebooks/{step}.ipynb",
                output_nb=f"/srv/edfi/out/{{{{ ts_nodash }}}}-{step}.ipynb",
                parameters=ABOUT | OF_STEP.get(step, {}),
                kernel_name="edfi",
                retries=0 if step == STEPS[-1] else 2,
            )
            for step in STEPS
        )
    )
