-- What several scripts need; `Script` puts it in place of their line `--! prelude`, as one line, so that
-- line numbers in errors stay true. For that reason every comment here has a line of its own.

-- The server's identity: `run_id` alone comes back after a failover and back, `master_replid` changes at each promotion.
local function identity()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local replication = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  return run .. ':' .. replication
end

-- The server's clock in epoch milliseconds, a whole number.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
