-- name: explain
explain (verbose, format json)

-- name: explain_generic
explain (verbose, generic_plan, format json)

-- name: generic
set plan_cache_mode = force_generic_plan;

-- name: prepare
prepare offramp_planned as

-- name: explain_prepared
explain (verbose, format json) execute offramp_planned ({values});

-- name: deallocate
deallocate offramp_planned;
