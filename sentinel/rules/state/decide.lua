-- One hit, in one go: its windows, its clock, its throttle. KEYS: what was told of events of this time, what falls due.
-- ARGV: event, time, whether it satisfies the rule, how many windows; then each window, the clock, the throttle.

local cursor = 0
local function take()
  cursor = cursor + 1
  return ARGV[cursor]
end
local function take_number() return tonumber(take()) end

local id, at, is_hit, windows = take(), take_number(), take() == '1', take_number()

if is_hit then
  local told = redis.call('HGET', KEYS[1], id)
  if told then return told end
end

local holds = is_hit
for _ = 1, windows do
  local step = { at = at, kind = take(), base = take(), group = take(), length = take_number(), kept = take_number() }
  step.operator, step.number, step.most = take(), take_number(), take_number()
  step.span = step.kind == 'spike' and 2 * step.length or step.length
  local value = take()
  if is_hit and (step.kind == 'none' or not window_reached(step, id, value)) then holds = false end
end

local clock = { at = at, kind = take() }
local fires = holds
if clock.kind ~= '' then
  clock.base, clock.group, clock.hold, clock.keep, clock.kept = take(), take(), take_number(), take_number(), take_number()
  clock.shown, clock.spoken, clock.caps = take(), take(), take()
  fires = clock_fires(clock, KEYS[2], id, is_hit, holds)
end

local ruling = 'waiting'
if fires then
  local base, group, caps, kept = take(), take(), take(), take_number()
  ruling = 'fires' -- a throttle that is too crowded for this group must not swallow it
  if base and admitted(base, group, at, at - kept, kept) then
    local is_heard, held = passes(base .. group, at, caps, id)
    if not is_heard then ruling = 'throttled' end
    if held then ruling = table.concat({ ruling, held[1], held[2] }, ' ') end
  end
end

if crowded then ruling = ruling .. '!' end
if is_hit then redis.call('HSET', KEYS[1], id, ruling) end
return ruling
