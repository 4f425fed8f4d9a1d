"""Bugs in what becomes of inputs that are too large: pages, merges, summaries."""

# ruff: noqa: SLF001 - what is edited is private
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.agents import page_plan, summary
from argosy.coordinator import messages, pages, rounds, settled, summaries, system_tasks
from argosy.coordinator.turn import Turn
from bugs.bug import Bug
from bugs.planting import Edit

PAGE_BUGS: Final = (
    Bug(
        "stop_forgets_pages",
        "pages go on though nobody waits for their task any more",
        (Edit(Turn.end_task, 'if task.letter == "p":', "if False:"),),
    ),
    Bug(
        "merge_before_all",
        "results of pages are merged before the last one is there",
        (Edit(pages._done, "if paging.done < paging.length:", "if paging.done < paging.length - 1:"),),
    ),
    Bug(
        "wants_not_on_last",
        "what ends a task that was cut isn't asked what the task is asked",
        (
            Edit(
                system_tasks.wants_for,
                "return wants_for(state, system.above) if _paging(state, system).length == 1 else ()",
                "return ()",
            ),
        ),
    ),
    Bug(
        "late_success_of_a_cut_task_ignored",
        "a success of the whole task isn't taken once its pages run",
        (
            Edit(
                settled.settle,
                'elif settled.outcome == "succeeded":',
                'elif settled.outcome == "succeeded" and task.letter != "p":',
            ),
        ),
    ),
    Bug(
        "stale_overflow_pages",
        "an overflow of an attempt that is over cuts the task all the same",
        (
            Edit(
                settled.settle,
                'elif settled.attempt == task.attempt and task.letter == "r":',
                'elif (settled.outcome == "overflow" or settled.attempt == task.attempt) and task.letter == "r":',
            ),
        ),
    ),
    Bug(
        "results_of_pages_shuffled",
        "results of pages are not merged in the order of the pages",
        (
            Edit(
                pages.merged,
                "return range(paging.starts[number], past)",
                "return range(paging.starts[number], past)[::-1]",
            ),
        ),
    ),
    Bug(
        "all_pages_at_once",
        "all pages of a task are ordered at once, however many",
        (Edit(rounds.fill, "PARALLEL - (first - paging.done)", "paging.length"),),
    ),
    Bug(
        "page_of_a_page_cut_from_the_whole",
        "a page of a page is cut out of the whole input",
        (
            Edit(
                system_tasks.inputs_for,
                "given._replace(pages=(*given.pages, page))",
                "given._replace(pages=(page,))",
            ),
        ),
    ),
    Bug(
        "last_page_forgotten",
        "the end of what was cut is in no page",
        (Edit(page_plan.plan_pages, "pages=pages,", "pages=pages[:-1],"),),
    ),
    Bug(
        "factor_not_raised",
        "pages are planned again as they were when they were found too large",
        (Edit(pages.begin, "factor = min(max(factor + 1, measured_factor)", "factor = min(factor"),),
    ),
    Bug(
        "system_order_as_a_plain_one",
        "a worker that doesn't know pages takes one for its whole input",
        (
            Edit(
                messages.dispatch_of,
                "kind = TaskDispatched if place.system is None else SystemDispatched",
                "kind = TaskDispatched",
            ),
        ),
    ),
    Bug(
        "summaries_of_another_input",
        "an input is given the summaries of the first one",
        (
            Edit(
                system_tasks._reduced,
                "given, first = found[record.input], numbers.stop",
                "given, first = found[record.input], 0",
            ),
        ),
    ),
    Bug(
        "rounds_without_end",
        "summaries are summarised again however often that was done",
        (Edit(summaries.summarised, "if shrunk and paging.summaries < MOST_ROUNDS:", "if shrunk:"),),
    ),
    Bug(
        "no_need_to_shrink",
        "a round of summaries goes on though it made nothing shorter",
        (
            Edit(
                summaries.summarised,
                "shrunk = after * 1000 <= paging.tokens * SHRINKS_PER_MILLE",
                "shrunk = True",
            ),
        ),
    ),
    Bug(
        "long_summary_kept",
        "a summary is taken whatever its length",
        (Edit(summary.summarise, "if tokens * 1000 > budget * OVER_PER_MILLE:", "if False:"),),
    ),
)
