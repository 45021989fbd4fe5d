-- A throttle remembers when its rule spoke of a group, and with which events: those pass again, however often the broker
-- brings them. Under no event, with its number below zero in place of a time, stands how many it has held back since.

local NO_EVENT = ''

-- `caps`: "3/3600000 7/86400000", so many times in so many milliseconds each; all must allow it.
-- Returns whether it passes and, if others were held back meanwhile, how many and since when the rule had not spoken.
local function passes(key, at, caps, owner)
  if redis.call('ZSCORE', key, owner) then return true end
  local most, longest = 0, 0
  for times, period in string.gmatch(caps, '(%d+)/(%d+)') do
    times, period = tonumber(times), tonumber(period)
    if redis.call('ZCOUNT', key, '(' .. whole(math.max(-1, at - period)), '+inf') >= times then
      redis.call('ZINCRBY', key, -1, NO_EVENT)
      return false
    end
    most, longest = math.max(most, times), math.max(longest, period)
  end
  local held, since = redis.call('ZSCORE', key, NO_EVENT), nil
  if held then
    since = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
    redis.call('ZREM', key, NO_EVENT)
  end
  redis.call('ZADD', key, whole(at), owner)
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
  redis.call('PEXPIRE', key, whole(longest + LATENESS + REMEMBERED))
  return true, held and { whole(-held), since }
end
