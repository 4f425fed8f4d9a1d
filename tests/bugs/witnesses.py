"""Who is known to see each planted bug: one witness a layer. `python -m bugs.hunt` asks them."""

from collections.abc import Mapping
from typing import Final

from bugs.bug import Seen

WITNESSES: Final[Mapping[str, Seen]] = {
    "bad_submit_ends": Seen(
        unit="unit/coordinator/test_fold_run.py::test_s1_a_submit_with_other_data_is_refused_and_the_run_goes_on",
        story="test_submits.py::test_s1_a_submit_of_other_data_ends_no_healthy_run",
    ),
    "repeat_unanswered": Seen(
        unit="unit/coordinator/test_fold_run.py::test_s2_a_repeat_of_an_ended_run_asks_for_its_result_again_and_gets_the_same_bytes",
        story="test_submits.py::test_s46_each_repeat_of_an_ended_run_is_answered",
    ),
    "late_accepts": Seen(
        unit="unit/coordinator/test_fold_run.py::test_s39_a_run_accepted_after_its_tombstone_may_be_gone_is_refused",
        story="test_submits.py::test_s39_a_receiver_that_slept_for_longer_than_a_tombstone_lives_starts_nothing_again",
    ),
    "cancel_needs_run": Seen(
        unit="unit/coordinator/test_fold_run.py::test_s12_a_cancel_before_its_run_ends_it_when_it_comes",
        story="test_submits.py::test_s12_a_cancel_that_comes_before_its_run_ends_it",
    ),
    "second_end_counts": Seen(
        unit="unit/coordinator/test_fold_run.py::test_the_first_run_ended_is_final_whatever_fold_would_have_found"
    ),
    "late_settle_keeps_claim": Seen(
        unit="unit/coordinator/test_fold_run.py::test_a_settle_after_the_end_only_deletes_the_claim"
    ),
    "newer_rules_set_aside": Seen(
        unit="unit/coordinator/test_fold_run.py::test_newer_rules_are_not_folded_and_change_nothing",
        story="test_takes.py::test_s16_a_run_of_newer_rules_waits_for_the_roll_out_and_is_never_set_aside",
    ),
    "old_failure_counts": Seen(
        unit="unit/coordinator/test_fold_attempts.py::test_s9_a_repeated_failure_of_an_old_attempt_eats_no_attempt_and_no_usage",
        story="test_submits.py::test_s9_a_failure_that_comes_twice_costs_one_attempt",
    ),
    "success_of_old_attempt_lost": Seen(
        unit="unit/coordinator/test_fold_attempts.py::test_s9_a_late_success_of_an_old_attempt_is_taken"
    ),
    "join_counts_arrivals": Seen(
        unit="unit/coordinator/test_fold_attempts.py::test_the_first_success_is_the_result"
    ),
    "usage_twice": Seen(
        unit="unit/coordinator/test_fold_attempts.py::test_s9_a_repeated_failure_of_an_old_attempt_eats_no_attempt_and_no_usage"
    ),
    "quorum_one_short": Seen(unit="unit/coordinator/test_fold_joins.py"),
    "retry_forgotten": Seen(
        unit="unit/coordinator/test_fold_attempts.py::test_a_retryable_failure_is_tried_again_after_its_backoff",
        story="test_lanes.py::test_s6_a_wipe_of_an_idle_fleet_is_noticed",
        cell="lane.publish.after_timer-kill",
    ),
    "early_signal_dropped": Seen(
        unit="unit/coordinator/test_fold_run.py::test_s12_signals_are_kept_once_each_and_64_at_most",
        story="test_waits.py::test_s12_answers_that_come_before_their_steps_wait_are_kept_and_the_first_right_one_counts",
    ),
    "any_hash_approves": Seen(
        unit="unit/coordinator/test_fold_waits.py::test_an_approval_of_another_hash_does_not_count_and_is_told",
        story="test_waits.py::test_s12_answers_that_come_before_their_steps_wait_are_kept_and_the_first_right_one_counts",
    ),
    "stale_look_counts": Seen(
        unit="unit/coordinator/test_fold_waits.py::test_an_answer_about_an_earlier_signal_is_not_taken_for_a_later_one",
    ),
    "wrong_signal_ends_wait": Seen(
        unit="unit/coordinator/test_fold_waits.py::test_a_wrong_value_is_told_and_the_step_waits_on_for_a_right_one",
        story="test_waits.py::test_an_answer_outlives_its_coordinator_and_all_of_redis",
    ),
    "absence_grants": Seen(
        unit="unit/agents/test_claim.py::test_no_checkpoint_is_not_yet",
        story="test_claims_and_settles.py::test_s22_an_old_dispatch_after_a_wipe_runs_nothing_again",
        profile="redis",
        seed=1,
    ),
    "live_without_identity": Seen(
        unit="unit/agents/test_claim.py::test_a_live_mark_of_another_server_is_not_yet",
        story="test_lost_claims.py::test_s23_a_redis_that_came_back_without_a_result_grants_nothing",
        profile="redis",
        seed=2,
    ),
    "live_run_id_only": Seen(story="test_lanes.py::test_s42_a_failover_and_back_is_noticed"),
    "unknown_is_not_yet": Seen(
        unit="unit/agents/test_claim.py::test_an_unknown_run_under_a_live_mark_is_over",
        story="test_claims_and_settles.py::test_s24_an_old_dispatch_of_a_run_long_gone_is_passed",
    ),
    "judge_is_blind": Seen(
        unit="unit/agents/test_claim.py::test_a_run_that_is_not_active_is_over",
        cell="worker.settle.before_finish-kill",
    ),
    "epoch_ignored": Seen(
        unit="unit/agents/test_claim.py::test_another_epoch_is_learned_and_asked_again",
        story="test_lanes.py::test_s47_a_lane_that_is_rebuilt_spares_what_its_workers_hold",
        cell="lane.reload.after_live-kill",
    ),
    "stale_fence": Seen(
        unit="unit/agents/test_hold.py::test_another_fence_is_a_loss",
        story="test_claims_and_settles.py::test_s29_a_zombie_that_wakes_while_its_successor_works_takes_nothing_back",
        profile="zombie",
        seed=2,
    ),
    "put_back_unjudged": Seen(
        unit="unit/agents/test_hold.py::test_a_task_that_is_over_gives_up_the_claim_and_its_key",
        story="test_lost_claims.py::test_s32_renewal_puts_no_claim_back_after_the_run_has_ended",
    ),
    "put_back_for_long": Seen(
        unit="unit/agents/test_hold.py::test_put_back_after_a_wipe_it_lives_for_three_leases_only"
    ),
    "lost_lease_uncounted": Seen(
        unit="unit/agents/test_claim.py::test_an_expired_lease_counts_a_delivery_and_makes_a_suspect",
        story="test_claims_and_settles.py::test_s26_a_task_that_kills_its_worker_ends_as_poison_and_harms_no_other",
    ),
    "result_not_stored": Seen(
        unit="unit/agents/test_hold.py::test_a_result_is_stored_under_the_fence",
        story="test_claims_and_settles.py::test_s31_each_gap_of_a_settle_is_safe_to_repeat",
    ),
    "memo_while_not_live": Seen(
        unit="unit/agents/test_memo.py::test_while_the_lane_is_not_live_absence_says_nothing",
        story="test_handlers.py::test_s40_a_memo_that_is_looked_up_while_the_lane_is_not_live_is_waited_for",
    ),
    "memo_overwrites": Seen(unit="unit/agents/test_memo.py::test_the_second_who_sets_gets_the_first_value"),
    "logged_memo_overwrites": Seen(
        unit="contract/test_lane_scripts.py::test_of_a_logged_memo_the_first_offset_stays",
        story="test_handlers.py::test_s41_a_zombie_that_logs_its_memo_second_changes_nothing_for_who_comes_third",
    ),
    "no_chain": Seen(
        unit="contract/test_lane_scripts.py::test_an_owner_that_was_replaced_changes_nothing",
        story="test_lanes.py::test_s3_an_owner_that_wakes_with_a_commit_in_hand_commits_nothing_and_takes_nothing",
        profile="swarm",
        seed=10,
    ),
    "done_is_refused": Seen(
        unit="contract/test_lane_scripts.py::test_a_commit_that_is_repeated_as_it_is_takes_effect_once"
    ),
    "mark_for_any_server": Seen(
        unit="contract/test_lane_scripts.py::test_the_live_mark_is_set_for_the_identity_that_was_taken_only"
    ),
    "no_proof": Seen(
        story="test_lanes.py::test_s3_an_owner_that_wakes_with_a_commit_in_hand_commits_nothing_and_takes_nothing",
        profile="calm",
        seed=0,
    ),
    "seek_race": Seen(
        unit="unit/coordinator/test_queues.py::test_a_batch_from_before_the_seek_is_not_taken_from_above",
        story="test_takes.py::test_s4_what_was_fetched_before_the_seek_is_not_folded",
    ),
    "gap_after_seek": Seen(
        unit="unit/coordinator/test_queues.py::test_a_batch_from_before_the_seek_is_not_taken_from_above",
        story="test_takes.py::test_s43_what_was_fetched_above_the_seek_skips_nothing",
    ),
    "last_offset": Seen(
        story="test_lanes.py::test_s20_offsets_without_records_at_the_end_of_the_log_hold_up_nobody"
    ),
    "log_unchecked": Seen(
        unit="unit/coordinator/test_lane.py::test_a_log_made_anew_under_the_checkpoint_rebuilds_the_lane"
    ),
    "newer_layout_taken": Seen(
        story="test_takes.py::test_s17_a_lane_of_a_newer_layout_waits_for_the_roll_out_and_keeps_its_state"
    ),
    "host_clock": Seen(
        story="test_lanes.py::test_s8_a_coordinator_whose_clock_is_an_hour_ahead_ends_no_run_early"
    ),
    "rebuild_revives": Seen(
        unit="unit/coordinator/test_lane.py::test_a_rebuild_from_a_cut_log_revives_nobody_and_loses_nobody",
        story="test_takes.py::test_s10_a_rebuild_from_a_cut_log_revives_no_run_that_had_ended",
    ),
    "horizon_from_log_start": Seen(
        story="test_takes.py::test_s37_a_fresh_run_in_a_log_whose_beginning_is_cut_is_no_repeat"
    ),
    "horizon_forgotten": Seen(
        unit="unit/coordinator/test_lane.py::test_a_crash_in_the_middle_of_a_rebuild_does_not_forget_that_it_was_one",
        story="test_takes.py::test_s38_whoever_finishes_a_rebuild_finishes_its_clean_up",
    ),
    "doubtful_ending_kept": Seen(
        story="test_takes.py::test_s10_a_rebuild_from_a_cut_log_revives_no_run_that_had_ended"
    ),
    "mark_at_once": Seen(story="test_lanes.py::test_s47_what_runs_is_not_run_twice_because_redis_lost_it"),
    "rebuild_drops_claims": Seen(
        unit="unit/coordinator/test_lane.py::test_a_rebuild_by_hand_folds_the_whole_log_again_and_spares_claims",
        story="test_lanes.py::test_s47_a_memo_survives_a_rebuild_and_then_its_worker",
    ),
    "idle_lane_sleeps": Seen(
        story="test_lanes.py::test_s6_a_wipe_of_an_idle_fleet_is_noticed", profile="wipes", seed=0
    ),
    "timer_lost_at_reload": Seen(
        story="test_lanes.py::test_s8_a_timer_that_is_armed_when_its_owner_dies_fires",
        profile="crash",
        seed=2,
        cell="lane.publish.before_timer-kill",
    ),
    "timer_sent_once": Seen(
        unit="unit/coordinator/test_queues.py::test_a_timer_fires_until_acknowledged",
        story="test_lanes.py::test_s8_a_timer_whose_record_is_lost_fires_again",
    ),
    "outbox_forgets": Seen(
        story="test_submits.py::test_s2_a_crash_between_the_commit_that_owes_a_result_and_its_record_loses_no_result",
        profile="crash",
        seed=0,
        cell="lane.publish.before_end-kill",
    ),
    "result_moot": Seen(
        unit="unit/coordinator/test_lane.py::test_a_crash_between_the_end_and_its_publication_does_not_lose_the_result",
        story="test_submits.py::test_s2_a_crash_between_the_commit_that_owes_a_result_and_its_record_loses_no_result",
        profile="crash",
        seed=0,
    ),
    "outbox_is_a_set": Seen(
        unit="unit/coordinator/test_queues.py::test_the_acknowledgement_of_one_request_does_not_swallow_the_next",
        story="test_submits.py::test_s46_a_request_that_comes_while_the_first_is_being_answered_is_answered_too",
    ),
    "forgotten_when_sent": Seen(
        story="test_submits.py::test_s2_a_result_whose_record_is_lost_on_its_way_is_sent_again"
    ),
    "no_resend": Seen(
        unit="unit/coordinator/test_queues.py::test_what_was_stored_as_out_is_due_at_once",
        profile="crash",
        seed=0,
        cell="lane.publish.before_dispatch-kill",
    ),
    "sent_once": Seen(
        unit="unit/coordinator/test_queues.py::test_a_dispatch_is_sent_again_with_doubled_patience"
    ),
    "publish_before_commit": Seen(profile="crash", seed=4),
    "checkpoint_first": Seen(
        profile="crash",
        seed=0,
        cell="lane.script.before_commit-kill",
    ),
    "rest_of_a_map_lost": Seen(profile="calm", seed=6),
    "any_error_is_too_large": Seen(
        unit="unit/coordinator/test_lane.py::test_a_refusal_by_kafka_is_not_the_tasks_failure"
    ),
    "big_join_inline": Seen(
        unit="unit/coordinator/test_lane.py::test_inputs_over_64_kib_travel_by_reference"
    ),
    "poison_stops_a_lane": Seen(
        unit="unit/coordinator/test_lane.py::test_a_run_whose_fold_raises_is_set_aside_and_fails_at_its_deadline"
    ),
    "receiver_commits_first": Seen(
        profile="crash",
        seed=0,
        cell="receiver.accept.before_append-kill",
    ),
    "offset_past_a_gap": Seen(
        unit="unit/broker/test_offsets.py::test_only_the_contiguous_finished_prefix_may_be_committed",
        profile="crash",
        seed=0,
        cell="worker.lease.before_renew-kill",
    ),
    "no_epochs": Seen(
        unit="unit/broker/test_offsets.py::test_what_an_older_assignment_finishes_moves_nothing"
    ),
    "finished_when_stored": Seen(profile="torn", seed=1),
    "window_judged_late": Seen(
        story="test_submits.py::test_s11_the_window_is_judged_by_when_the_submit_arrived"
    ),
    "log_never": Seen(
        unit="unit/agents/test_step.py::test_a_logged_memo_is_appended_and_returned_when_it_was_folded",
        profile="wipes",
        seed=0,
        cell="worker.memo.after_set-wipe",
    ),
    "memo_after_the_fact": Seen(
        unit="unit/agents/test_step.py::test_a_memo_made_while_the_lane_is_not_live_is_no_memo_until_it_is",
        cell="worker.memo.before_set-kill",
    ),
    "worker_marks": Seen(
        unit="unit/agents/test_step.py::test_of_two_logged_values_the_first_in_the_log_is_returned"
    ),
    "redis_first": Seen(
        unit="unit/agents/test_step.py::test_a_logged_memo_is_appended_and_returned_when_it_was_folded",
        cell="worker.memo.before_log-wipe",
    ),
    "suspects_race": Seen(story="test_lost_claims.py::test_s45_one_call_grants_one_suspect"),
    "suspects_side_by_side": Seen(
        unit="unit/agents/test_suspects.py::test_while_a_suspect_runs_no_other_may_come"
    ),
    "parked_fill_the_window": Seen(
        unit="unit/agents/test_intake.py::test_what_is_parked_gives_its_room_back"
    ),
    "parked_is_stuck": Seen(
        unit="unit/broker/test_watchdog.py::test_whoever_waits_for_a_reason_is_left_alone"
    ),
    "lease_for_a_dead_loop": Seen(
        unit="unit/agents/test_lease.py::test_without_a_tick_of_the_loop_nothing_is_renewed_and_at_last_the_process_ends"
    ),
    "leases_not_renewed": Seen(unit="unit/agents/test_lease.py::test_many_leases_of_a_lane_cost_few_calls"),
    "stubborn_keeps_its_slot": Seen(
        story="test_handlers.py::test_s27_a_handler_that_ignores_its_cancellation_costs_a_worker_and_no_slot"
    ),
    "turns_not_recorded": Seen(
        unit="unit/agents/test_conversation.py::test_a_later_attempt_goes_on_from_the_recorded_turn_whatever_the_model_would_say_now"
    ),
    "undeclared_tool_called": Seen(
        unit="unit/agents/test_taint.py::test_a_tool_that_is_not_declared_is_refused_for_good"
    ),
    "memo_forgets_taint": Seen(
        unit="unit/agents/test_taint.py::test_a_memo_of_an_earlier_attempt_hands_on_what_that_one_saw"
    ),
    "plain_result_washes": Seen(
        unit="unit/agents/test_taint.py::test_a_result_carries_the_taint_of_its_inputs_and_of_the_tools_that_were_called"
    ),
    "list_washes": Seen(
        unit="unit/agents/test_tools_in_fleets.py::test_an_untrusted_input_taints_all_that_is_made_of_it"
    ),
    "late_pieces_shown": Seen(
        unit="unit/client/test_streamed.py::test_a_new_attempt_makes_the_old_text_void_and_its_late_pieces_are_dropped"
    ),
    "hung_server_kept": Seen(
        unit="unit/agents/test_mcp.py::test_a_server_that_hangs_is_left_and_another_one_started"
    ),
    "stop_forgets_pages": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_a_late_success_of_the_whole_task_is_taken_and_its_pages_are_stopped"
    ),
    "merge_before_all": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_one_merge_takes_the_results_in_page_order_whatever_order_they_came_in"
    ),
    "wants_not_on_last": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_what_ends_the_task_is_asked_what_the_task_is_asked"
    ),
    "late_success_of_a_cut_task_ignored": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_a_late_success_of_the_whole_task_is_taken_and_its_pages_are_stopped"
    ),
    "stale_overflow_pages": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_a_stale_overflow_changes_nothing"
    ),
    "results_of_pages_shuffled": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_one_merge_takes_the_results_in_page_order_whatever_order_they_came_in"
    ),
    "all_pages_at_once": Seen(unit="unit/coordinator/test_fold_pages.py::test_so_many_pages_run_at_once"),
    "page_of_a_page_cut_from_the_whole": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_a_page_that_overflows_is_cut_under_its_own_name"
    ),
    "last_page_forgotten": Seen(
        unit="unit/agents/test_page_plan.py::test_the_pages_of_a_plan_are_the_input_and_fit"
    ),
    "factor_not_raised": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_an_overflow_that_the_worker_measured_makes_pages_by_a_raised_factor"
    ),
    "system_order_as_a_plain_one": Seen(
        unit="unit/coordinator/test_fold_pages.py::test_what_is_too_large_is_planned_in_pages_and_never_sent_whole"
    ),
    "summaries_of_another_input": Seen(
        unit="unit/coordinator/test_fold_summaries.py::test_several_inputs_get_each_its_own_summaries"
    ),
    "rounds_without_end": Seen(unit="unit/coordinator/test_fold_summaries.py::test_four_rounds_are_the_most"),
    "no_need_to_shrink": Seen(
        unit="unit/coordinator/test_fold_summaries.py::test_a_round_that_is_not_a_quarter_less_is_a_refusal_with_figures"
    ),
    "long_summary_kept": Seen(
        unit="unit/agents/test_summarised_runs.py::test_a_summary_over_its_budget_is_asked_for_again"
    ),
    "repeat_is_busy": Seen(
        unit="unit/coordinator/test_fold_again.py::test_a_new_submit_that_was_turned_away_is_refused_with_the_figures_and_a_repeat_is_not",
    ),
    "ended_runs_count": Seen(
        unit="unit/coordinator/test_gate.py::test_counts_are_those_of_runs_that_began_and_have_not_ended",
        profile="crash",
        seed=1,
    ),
    "let_in_uncounted": Seen(
        unit="unit/coordinator/test_gate.py::test_what_is_let_in_counts_before_any_lane_has_counted_it",
    ),
    "given_is_run": Seen(
        unit="unit/coordinator/test_fold_again.py::test_a_task_whose_result_is_given_is_never_ordered_and_counts_no_usage",
    ),
    "given_after_the_end": Seen(
        unit="unit/coordinator/test_fold_again.py::test_what_is_given_to_a_map_that_has_failed_meanwhile_ends_nothing",
    ),
    "reused_behind_changes": Seen(
        unit="unit/console/test_replay.py::test_from_a_step_on_all_runs_anew_and_nothing_else",
    ),
    "iterations_start_anew": Seen(
        unit="unit/coordinator/test_fold_loops.py::test_each_iteration_is_given_what_the_one_before_gave_until_the_condition_is_true"
    ),
    "forgotten_are_never_over": Seen(
        unit="unit/coordinator/test_fold_loops.py::test_a_late_settle_of_an_iteration_that_is_over_only_unclaims"
    ),
    "loops_go_on_when_stopped": Seen(
        unit="unit/coordinator/test_fold_loops.py::test_a_cancel_stops_the_iteration_that_is_under_way"
    ),
    "iterations_are_kept": Seen(
        unit="unit/coordinator/test_fold_loops.py::test_the_hundredth_iteration_costs_what_the_third_did"
    ),
    "bad_plans_are_run": Seen(
        unit="unit/coordinator/test_fold_plans.py::test_a_plan_that_may_not_be_run_fails_its_planners_attempt_with_the_reason"
    ),
    "plans_in_a_circle": Seen(
        unit="unit/coordinator/test_fold_plans.py::test_a_plan_that_may_not_be_run_fails_its_planners_attempt_with_the_reason"
    ),
    "plans_know_no_bounds": Seen(
        unit="unit/coordinator/test_fold_plans.py::test_no_more_run_at_once_than_may"
    ),
    "plans_wash_taint": Seen(
        unit="unit/coordinator/test_fold_plans.py::test_what_a_planner_gave_is_tainted_as_its_result"
    ),
    "skipped_keep_places": Seen(
        unit="unit/coordinator/test_fold_plans_random.py::test_a_plan_is_its_tasks_written_out"
    ),
    "reserved_counts_not": Seen(
        unit="unit/agents/test_budgets.py::test_calls_at_the_same_time_are_within_the_budget_together_and_wait_for_what_others_give_back"
    ),
    "dead_calls_are_free": Seen(
        unit="unit/agents/test_budgets.py::test_a_call_that_was_under_way_when_its_worker_died_counts_as_spent"
    ),
    "unused_stays_reserved": Seen(
        unit="contract/test_bucket.py::test_what_was_reserved_and_not_used_comes_back_and_more_than_reserved_is_owed"
    ),
    "busy_servers_are_asked": Seen(
        unit="contract/test_bucket.py::test_a_busy_server_blocks_the_whole_fleet_and_slows_it_for_a_while"
    ),
    "slow_agents_are_flooded": Seen(
        unit="unit/coordinator/test_windows.py::test_an_agent_that_comes_to_be_slow_gets_no_more_until_its_queue_is_short"
    ),
    "windows_starve_slots": Seen(
        unit="unit/coordinator/test_windows.py::test_before_a_slow_agent_lie_seconds_of_work_and_all_its_slots_are_taken"
    ),
    "refusals_use_attempts_up": Seen(
        unit="unit/coordinator/test_fold_asking.py::test_a_raise_orders_what_waits_with_the_new_budget_and_all_attempts_left"
    ),
    "raises_miss_who_comes_late": Seen(
        unit="unit/coordinator/test_fold_asking.py::test_a_refusal_from_before_the_raise_is_ordered_again_at_once"
    ),
    "answers_count_twice": Seen(
        unit="unit/coordinator/test_fold_asking.py::test_a_repeated_answer_changes_nothing"
    ),
    "handlers_keep_old_budgets": Seen(
        unit="unit/agents/test_asking.py::test_a_handler_that_is_at_work_has_the_benefit_of_a_raise_at_once"
    ),
}
