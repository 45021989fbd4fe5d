-- Clocks: since when a group satisfies a rule, and whether that has been said. Fields of a clock:
-- since, last (newest event that satisfied it), missed (newest that did not), ended (with keep: since when it does not),
-- fired, event and group (of the newest), spoken and caps (the key and the caps of the throttle, for who falls due).

local function arm(due, key, at)
  redis.call('ZADD', due, whole(at), key)
  if redis.call('PTTL', due) < LONGEST then redis.call('PEXPIRE', due, whole(2 * LONGEST)) end
end

local TIMES = { 'since', 'last', 'missed', 'ended' }

local function read_clock(key)
  local found = redis.call('HMGET', key, 'fired', unpack(TIMES))
  local clock = { fired = found[1] == '1' }
  for i, name in ipairs(TIMES) do clock[name] = found[i + 1] and tonumber(found[i + 1]) or nil end
  return clock
end

local function write_clock(key, due, clock, step)
  local fields = { 'fired', clock.fired and '1' or '0' }
  for _, name in ipairs(TIMES) do
    fields[#fields + 1] = name
    fields[#fields + 1] = clock[name] and whole(clock[name]) or ''
  end
  redis.call('HSET', key, unpack(fields))
  redis.call('PEXPIRE', key, step.kept)
  if clock.since and not clock.fired then
    arm(due, key, clock.since + step.hold)
  else
    redis.call('ZREM', due, key)
  end
end

local function note_event(key, step, id)
  redis.call('HSET', key, 'event', id, 'group', step.shown, 'spoken', step.spoken, 'caps', step.caps)
end

-- An event that came: silence begins anew; or it is not waited for, as the rule's other windows are not reached.
local function wait_for_silence(step, due, id, holds)
  local key = step.base .. step.group
  local clock = read_clock(key)
  if clock.since and step.at <= clock.since then return end
  if holds then
    note_event(key, step, id)
    write_clock(key, due, { since = step.at, fired = false }, step)
  else
    redis.call('DEL', key)
    redis.call('ZREM', due, key)
  end
end

local function clock_holds(step, due, id)
  local key = step.base .. step.group
  local clock = read_clock(key)
  if clock.missed and step.at <= clock.missed then return false end
  local is_over = clock.ended and step.at - clock.ended > step.keep
  if not clock.since or is_over then
    clock.since, clock.last, clock.fired = step.at, step.at, false
  end
  clock.ended = nil
  clock.since = math.min(clock.since, step.at)
  if step.at >= clock.last then
    clock.last = step.at
    note_event(key, step, id)
  end
  local fires = not clock.fired and clock.last >= clock.since + step.hold
  clock.fired = clock.fired or fires
  write_clock(key, due, clock, step)
  return fires
end

local function clock_misses(step, due)
  local key = step.base .. step.group
  local clock = read_clock(key)
  if not clock.since then return end
  clock.missed = math.max(clock.missed or step.at, step.at)
  if step.at >= clock.since then
    local is_kept = clock.fired and step.keep > 0
    if is_kept and clock.last <= step.at then
      clock.ended = math.min(clock.ended or step.at, step.at)
    elseif clock.last > step.at then
      if not is_kept or clock.last - step.at > step.keep then clock.since, clock.fired = clock.last, false end
    else
      clock.since, clock.fired = nil, false
    end
  end
  write_clock(key, due, clock, step)
end

-- True when the rule fires with this event.
local function clock_fires(step, due, id, is_hit, holds)
  if holds and not admitted(step.base, step.group, step.at, step.at - step.kept, step.kept) then return false end
  if step.kind == 'absent' then
    if is_hit then wait_for_silence(step, due, id, holds) end
  elseif holds then
    return clock_holds(step, due, id)
  else
    clock_misses(step, due)
  end
  return false
end
