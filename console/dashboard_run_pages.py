"""The pages of runs, pipelines and approvals, and what may be done on them."""

from typing import Final

from argosy.console.dashboard_approvals import look_approvals
from argosy.console.dashboard_compare_page import look_blame, look_compare
from argosy.console.dashboard_lines_page import look_lines
from argosy.console.dashboard_list_page import look_runs
from argosy.console.dashboard_page import Page
from argosy.console.dashboard_pipeline_pages import look_pipeline, look_pipelines
from argosy.console.dashboard_run_actions import ACTIONS as RUN_ACTIONS
from argosy.console.dashboard_run_page import look_run
from argosy.console.dashboard_step_page import look_tasks
from argosy.console.dashboard_task_page import look_task
from argosy.console.dashboard_value_pages import look_log, look_value, look_why

RUN_PAGES: Final = (
    Page("/runs", "runs.html", look_runs, "runs"),
    Page("/runs/{run_id}", "run.html", look_run, "runs"),
    Page("/runs/{run_id}/steps/{step:path}", "run_tasks.html", look_tasks, "runs"),
    Page("/runs/{run_id}/tasks/{local:path}", "run_task.html", look_task, "runs"),
    Page("/runs/{run_id}/values/{sha256}", "run_value.html", look_value, "runs", live=False),
    Page("/runs/{run_id}/log", "run_log.html", look_log, "runs"),
    Page("/runs/{run_id}/lines", "run_lines.html", look_lines, "runs", live=False),
    Page("/runs/{run_id}/why", "run_why.html", look_why, "runs", live=False),
    Page("/runs/{run_id}/blame", "run_blame.html", look_blame, "runs", live=False),
    Page("/compare", "compare.html", look_compare, "runs", live=False),
    Page("/pipelines", "pipelines.html", look_pipelines, "pipelines"),
    Page("/pipelines/{key}", "pipeline.html", look_pipeline, "pipelines"),
    Page("/approvals", "approvals.html", look_approvals, "approvals"),
)

__all__ = ["RUN_ACTIONS", "RUN_PAGES"]
