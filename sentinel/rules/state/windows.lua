-- Windows: each adds an event to its group and says whether the figure is reached.
--
-- An event is judged as of the newest one that came before it and is at most LATENESS younger.
-- `span` is how far back a window looks, `length` how long it is (for spike two lengths make a span).

-- Chains of if, and no tables of functions: a script makes its functions anew in every call.
local function compare(figure, operator, number)
  if operator == '>' then return figure > number end
  if operator == '>=' then return figure >= number end
  if operator == '<' then return figure < number end
  if operator == '<=' then return figure <= number end
  return figure == number
end

local function newest(key, at, length)
  local last = redis.call('ZREVRANGEBYSCORE', key, '(' .. whole(at + math.min(LATENESS, length)), whole(at),
    'WITHSCORES', 'LIMIT', 0, 1)
  return last[2] and tonumber(last[2]) or at
end

-- A sorted set by time, of the newest `most` members.
local function remember(step, key, member, most)
  redis.call('ZADD', key, 'GT', whole(step.at), member)
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
  redis.call('PEXPIRE', key, step.kept)
end

-- Exact: the newest N+1 decide whether there are more than N.
local function many(step, key, member)
  remember(step, key, member, step.most)
  local last = newest(key, step.at, step.length)
  return redis.call('ZCOUNT', key, '(' .. whole(last - step.length), whole(last))
end

-- What a stretch of time amounts to.
local function nothing() return { n = 0, sum = 0 } end

local function add(total, n, sum, low, high)
  total.n = total.n + n
  total.sum = total.sum + sum
  total.low = total.low and math.min(total.low, low) or low
  total.high = total.high and math.max(total.high, high) or high
end

local function value_of(member) return tonumber(string.match(member, '^(%S+)')) end

local function read_bucket(text)
  local n, sum, low, high = string.match(text, '^(%S+) (%S+) (%S+) (%S+)$')
  return tonumber(n), tonumber(sum), tonumber(low), tonumber(high)
end

local function put_in_bucket(key, width, at, value)
  local bucket = whole(math.floor(at / width))
  local total = nothing()
  local text = redis.call('HGET', key, bucket)
  if text then add(total, read_bucket(text)) end
  add(total, 1, value, value, value)
  redis.call('HSET', key, bucket, string.format('%.17g %.17g %.17g %.17g', total.n, total.sum, total.low, total.high))
end

-- A log of events with their values; once it is long, buckets of a thirtieth of the window's length.
local function keep_value(step, log, buckets, width, id, value)
  if redis.call('EXISTS', buckets) == 0 then
    remember(step, log, value .. ' ' .. id, LOGGED + 1)
    local last = newest(log, step.at, step.length)
    redis.call('ZREMRANGEBYSCORE', log, '-inf', whole(last - step.span - LATENESS))
    if redis.call('ZCARD', log) <= LOGGED then return last end
    local all = redis.call('ZRANGE', log, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      put_in_bucket(buckets, width, tonumber(all[i + 1]), value_of(all[i]))
    end
    redis.call('DEL', log)
    redis.call('HSET', buckets, 'top', whole(last))
  else
    put_in_bucket(buckets, width, step.at, tonumber(value))
    local top = tonumber(redis.call('HGET', buckets, 'top'))
    if step.at > top then redis.call('HSET', buckets, 'top', whole(step.at)) end
  end
  redis.call('PEXPIRE', buckets, step.kept)
  return nil
end

local function logged(step, log, from, to)
  local total = nothing()
  if step.kind == 'count' or step.kind == 'rate' or step.kind == 'spike' then
    total.n = redis.call('ZCOUNT', log, '(' .. whole(from), whole(to))
    return total
  end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', log, '(' .. whole(from), whole(to))) do
    local value = value_of(member)
    add(total, 1, value, value, value)
  end
  return total
end

local function bucketed(step, buckets, width)
  local all = redis.call('HGETALL', buckets)
  local found, top = {}, step.at
  for i = 1, #all, 2 do
    if all[i] == 'top' then top = tonumber(all[i + 1]) else found[tonumber(all[i])] = all[i + 1] end
  end
  local last = top < step.at + math.min(LATENESS, step.length) and math.max(top, step.at) or step.at
  local final, per_length = math.floor(last / width), math.ceil(step.length / width)
  local current, before = nothing(), nothing()
  for bucket, text in pairs(found) do
    local age = final - bucket
    if age >= 0 and age < per_length then add(current, read_bucket(text)) end
    if age >= per_length and age < 2 * per_length then add(before, read_bucket(text)) end
    if bucket * width < top - step.span - LATENESS - width then redis.call('HDEL', buckets, whole(bucket)) end
  end
  return current, before
end

local function figure_of(step, current, before)
  if step.kind == 'sum' then return current.sum end
  if step.kind == 'avg' then return current.sum / current.n end
  if step.kind == 'min' then return current.low end
  if step.kind == 'max' then return current.high end
  if step.kind == 'rate' then return current.n / (step.length / 1000) end
  if step.kind == 'spike' then return current.n / math.max(1, before.n) end
  return current.n
end

local function figure(step, key, id, value)
  local log, buckets, width = key .. ':log', key .. ':buckets', math.ceil(step.length / BUCKETS)
  local last = keep_value(step, log, buckets, width, id, value)
  local current, before
  if last then
    current = logged(step, log, last - step.length, last)
    before = step.kind == 'spike' and logged(step, log, last - 2 * step.length, last - step.length)
  else
    current, before = bucketed(step, buckets, width)
  end
  if current.n == 0 then return nil end -- the event itself came too late to be kept
  return figure_of(step, current, before)
end

-- More different values than a set should hold: a HyperLogLog for each thirtieth of the window, about 1 % off.
local function estimated(step, key, value)
  local width = math.ceil(step.length / BUCKETS)
  local final = math.floor(step.at / width)
  local keys = {}
  for bucket = final - BUCKETS + 1, final do keys[#keys + 1] = key .. ':' .. whole(bucket) end
  redis.call('PFADD', keys[#keys], value)
  redis.call('PEXPIRE', keys[#keys], step.kept)
  return redis.call('PFCOUNT', unpack(keys))
end

local function is_first(step, key, value)
  local seen = tonumber(redis.call('ZSCORE', key, value) or nil)
  remember(step, key, value, step.most)
  return not seen or seen <= step.at - step.length
end

local function has_changed(step, key, value)
  local known = redis.call('HMGET', key, 'at', 'value')
  if known[1] and step.at < tonumber(known[1]) then return false end
  redis.call('HSET', key, 'at', whole(step.at), 'value', value)
  redis.call('PEXPIRE', key, step.kept)
  return known[1] and known[2] ~= value
end

local function window_reached(step, id, value)
  if not admitted(step.base, step.group, step.at, step.at - step.kept, step.kept) then return false end
  local key = step.base .. step.group
  if step.kind == 'first' then return is_first(step, key, value) end
  if step.kind == 'change' then return has_changed(step, key, value) end
  local found
  if step.kind == 'distinct' then
    found = step.most > EXACT and estimated(step, key, value) or many(step, key, value)
  elseif step.most > 0 then
    found = many(step, key, id)
    if step.kind == 'rate' then found = found / (step.length / 1000) end
  else
    found = figure(step, key, id, value)
  end
  return found ~= nil and compare(found, step.operator, step.number)
end
