"""The scripts of `RedisJournal`: one per act, each atomic on the server.

All keys carry one hash tag, so that a cluster keeps them in one slot: a receipt names no
tenant, so it must find its message among all. Instants are microseconds in doubles, exact up to
the year 2255, and are passed on as the text they came in.

Keys: ``m:`` a message (hash), ``x:`` its receipts (list), ``k:`` tenant and key to reference.
Indexes, ordered by age and then reference: ``age`` all, ``r:`` by run, ``s:`` by subject, ``p:``
by number, ``t:`` by the provider's id, ``w:`` planned by tenant and run, ``u`` what lacks proof.
``o:`` receipts that wait for their message, by the provider's id; ``o`` where each of those
waits, ``i`` which came first; ``n:`` and ``f:`` where receipts to a number and of a reference
wait; ``marks`` what receipts are known. ``reply:`` and ``audit:`` the two
plain logs. ``l:`` the lease of a tenant.
"""

from typing import Final

__all__ = [
    "CLAIM",
    "CLAIM_NEXT",
    "END",
    "ERASE",
    "FIND",
    "INTEND",
    "KEEP",
    "KEPT",
    "LEASE",
    "OUTCOME",
    "PAGE",
    "PURGE",
    "RECEIPT",
    "RELEASE",
    "REOPEN",
    "WANTED",
    "WITHDRAW",
]

_PRELUDE: Final = """
local P = ARGV[1]
local function two(a, b) return #a .. ':' .. a .. b end
local function row(ref)
  local flat = redis.call('HGETALL', P .. 'm:' .. ref)
  if #flat == 0 then return nil end
  local m = {}
  for i = 1, #flat, 2 do m[flat[i]] = flat[i + 1] end
  return m
end
local function told(ref) return redis.call('LRANGE', P .. 'x:' .. ref, 0, -1) end
local function shown(ref)
  local flat = redis.call('HGETALL', P .. 'm:' .. ref)
  if #flat == 0 then return nil end
  return {flat, told(ref)}
end
local function queue(m) return P .. 'w:' .. two(m.tenant, m.run) end
local function move(ref, m, state)
  if state == 'planned' then
    redis.call('ZADD', queue(m), m.created_at, ref)
  else
    redis.call('ZREM', queue(m), ref)
  end
  if state == 'calling' or state == 'unknown' then
    redis.call('ZADD', P .. 'u', m.created_at, ref)
  else
    redis.call('ZREM', P .. 'u', ref)
  end
  redis.call('HSET', P .. 'm:' .. ref, 'state', state)
end
local function claim(ref, worker, at)
  local m = row(ref)
  if not m or m.state ~= 'planned' then return false end
  move(ref, m, 'calling')
  redis.call('HMSET', P .. 'm:' .. ref, 'worker', worker, 'claimed_at', at)
  return true
end
local function plan_again(ref, m)
  move(ref, m, 'planned')
  redis.call('HDEL', P .. 'm:' .. ref, 'worker', 'claimed_at', 'outcome', 'outcome_at')
end
local function forget_theirs(ref, m)
  if m.message_id then redis.call('ZREM', P .. 't:' .. two(m.provider, m.message_id), ref) end
end
local function drop(ref, m)
  for _, one in ipairs(told(ref)) do redis.call('ZREM', P .. 'marks', cjson.decode(one)[1]) end
  forget_theirs(ref, m)
  redis.call('DEL', P .. 'm:' .. ref, P .. 'x:' .. ref, P .. 'k:' .. two(m.tenant, m.key))
  for _, index in ipairs({'age', 'u', 'r:' .. m.run, 's:' .. m.subject, 'p:' .. m.number}) do
    redis.call('ZREM', P .. index, ref)
  end
  redis.call('ZREM', queue(m), ref)
end
"""

# Each message takes eleven arguments.
INTEND: Final = f"""{_PRELUDE}
local done = {{}}
for i = 2, #ARGV, 11 do
  local ref, tenant, key, run = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local subject, number, at = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local known = P .. 'k:' .. two(tenant, key)
  if redis.call('EXISTS', known, P .. 'm:' .. ref) > 0 then
    done[#done + 1] = 0
  else
    redis.call('SET', known, ref)
    redis.call('HMSET', P .. 'm:' .. ref, 'tenant', tenant, 'key', key, 'run', run,
      'subject', subject, 'number', number, 'created_at', at, 'kind', ARGV[i + 7],
      'phone', ARGV[i + 8], 'payload', ARGV[i + 9], 'intent', ARGV[i + 10])
    redis.call('ZADD', P .. 'age', at, ref)
    redis.call('ZADD', P .. 'r:' .. run, at, ref)
    if subject ~= '' then redis.call('ZADD', P .. 's:' .. subject, at, ref) end
    if number ~= '' then redis.call('ZADD', P .. 'p:' .. number, at, ref) end
    move(ref, {{tenant = tenant, run = run, created_at = at}}, 'planned')
    done[#done + 1] = 1
  end
end
return done
"""

CLAIM: Final = f"""{_PRELUDE}
local mine = {{}}
for i = 4, #ARGV do
  if claim(ARGV[i], ARGV[2], ARGV[3]) then mine[#mine + 1] = shown(ARGV[i]) end
end
return mine
"""

CLAIM_NEXT: Final = f"""{_PRELUDE}
local mine = {{}}
local limit = tonumber(ARGV[6])
local waiting = P .. 'w:' .. two(ARGV[4], ARGV[5])
for _, ref in ipairs(limit > 0 and redis.call('ZRANGE', waiting, 0, limit - 1) or {{}}) do
  claim(ref, ARGV[2], ARGV[3])
  mine[#mine + 1] = shown(ref)
end
return mine
"""

RELEASE: Final = f"""{_PRELUDE}
local m = row(ARGV[2])
if not m or m.state ~= 'calling' then return 0 end
plan_again(ARGV[2], m)
return 1
"""

REOPEN: Final = f"""{_PRELUDE}
local m = row(ARGV[2])
if not m or m.state ~= 'refused' or m.retry == 'never' then return 0 end
plan_again(ARGV[2], m)
return 1
"""

WITHDRAW: Final = f"""{_PRELUDE}
local m = row(ARGV[2])
if not m or m.state ~= 'planned' then return 0 end
drop(ARGV[2], m)
return 1
"""

# A receipt is a list: mark, number, reference, text, number in full, mark without a number.
_WAITING: Final = """
local function leave(place, one, field, index)
  for _, other in ipairs(redis.call('LRANGE', place, 0, -1)) do
    if cjson.decode(other)[field] == one[field] then return end
  end
  redis.call('SREM', P .. index .. one[field], place)
end
local function stop_waiting(place, text, one)
  redis.call('LREM', place, 1, text)
  redis.call('HDEL', P .. 'o', one[1])
  redis.call('HDEL', P .. 'i', one[1])
  leave(place, one, 2, 'n:')
  leave(place, one, 3, 'f:')
end
"""

# As it is kept beside a message: without a number if that of the message was erased.
_BESIDE: Final = """
local function beside(ref, m, one)
  if m.number ~= '' then return one end
  return {two(ref, one[6]), '', one[3], one[4], '', one[6]}
end
"""

_BELONGS: Final = """
local function belongs(ref, m, provider, message_id, reference, number)
  if number ~= '' and m.number ~= '' and number ~= m.number then return false end
  if reference ~= '' and reference == ref then return true end
  return m.state == 'accepted' and message_id ~= ''
    and m.provider == provider and m.message_id == message_id
end
"""

# Each outcome takes seven arguments; of its two texts the second is for a one-time code.
OUTCOME: Final = f"""{_PRELUDE}{_WAITING}{_BELONGS}{_BESIDE}
local function adopt(ref, provider, message_id)
  local m = row(ref)
  local places = redis.call('SMEMBERS', P .. 'f:' .. ref)
  places[#places + 1] = P .. 'o:' .. two(provider, message_id)
  local seen, mine = {{}}, {{}}
  for _, place in ipairs(places) do
    for _, text in ipairs(seen[place] and {{}} or redis.call('LRANGE', place, 0, -1)) do
      local one = cjson.decode(text)
      if belongs(ref, m, provider, message_id, one[3], one[2]) then
        local turn = tonumber(redis.call('HGET', P .. 'i', one[1]))
        mine[#mine + 1] = {{turn = turn, place = place, text = text, one = one}}
      end
    end
    seen[place] = true
  end
  table.sort(mine, function(a, b) return a.turn < b.turn end)
  for _, w in ipairs(mine) do
    stop_waiting(w.place, w.text, w.one)
    local at = redis.call('ZSCORE', P .. 'marks', w.one[1])
    redis.call('ZREM', P .. 'marks', w.one[1])
    local kept = beside(ref, m, w.one)
    if redis.call('ZADD', P .. 'marks', 'NX', at, kept[1]) == 1 then
      redis.call('RPUSH', P .. 'x:' .. ref, cjson.encode(kept))
    end
  end
end
local done = {{}}
for i = 3, #ARGV, 7 do
  local ref, state, provider, message_id = ARGV[i], ARGV[i + 1], ARGV[i + 4], ARGV[i + 5]
  local m = row(ref)
  if m and (m.state ~= 'accepted' or state == 'accepted') then
    forget_theirs(ref, m)
    move(ref, m, state)
    local name = P .. 'm:' .. ref
    local text = m.kind == 'otp' and ARGV[i + 3] or ARGV[i + 2]
    redis.call('HMSET', name, 'outcome', text, 'outcome_at', ARGV[2], 'provider', provider,
      'retry', ARGV[i + 6])
    if state == 'accepted' then
      redis.call('HSET', name, 'message_id', message_id)
      redis.call('ZADD', P .. 't:' .. two(provider, message_id), m.created_at, ref)
      adopt(ref, provider, message_id)
    else
      redis.call('HDEL', name, 'message_id')
    end
  end
  done[#done + 1] = m and 1 or 0
end
return done
"""

RECEIPT: Final = f"""{_PRELUDE}{_BELONGS}{_BESIDE}
local at, provider, message_id = ARGV[2], ARGV[3], ARGV[4]
local told = cjson.decode(ARGV[5])
local number, reference = told[2], told[3]
local function owner()
  local named = reference ~= '' and row(reference)
  local last = nil
  local function fits(ref, m)
    if not belongs(ref, m, provider, message_id, reference, number) then return false end
    last = last or ref
    return number == '' or m.number ~= ''
  end
  if named and fits(reference, named) then return reference end
  for _, ref in ipairs(redis.call('ZRANGE', P .. 't:' .. two(provider, message_id), 0, -1)) do
    if fits(ref, row(ref)) then return ref end
  end
  if not named or number == '' then return last end
  local near = {{}}
  for _, ref in ipairs(redis.call('ZRANGE', P .. 'p:' .. number, 0, -1)) do
    local m = row(ref)
    if m.tenant == named.tenant and m.run == named.run and
      (m.state == 'calling' or m.state == 'accepted' or m.state == 'unknown') then
      near[#near + 1] = ref
    end
  end
  return #near == 1 and near[1] or last
end
local mine = owner()
local kept = mine and beside(mine, row(mine), told) or told
if redis.call('ZADD', P .. 'marks', 'NX', at, kept[1]) == 1 then
  if mine then
    redis.call('RPUSH', P .. 'x:' .. mine, cjson.encode(kept))
  else
    local place = P .. 'o:' .. two(provider, message_id)
    redis.call('RPUSH', place, ARGV[5])
    redis.call('HSET', P .. 'o', told[1], place)
    redis.call('HSET', P .. 'i', told[1], redis.call('INCR', P .. 'o:last'))
    if number ~= '' then redis.call('SADD', P .. 'n:' .. number, place) end
    if reference ~= '' then redis.call('SADD', P .. 'f:' .. reference, place) end
  end
end
return mine or false
"""

FIND: Final = f"""{_PRELUDE}
local ref = ARGV[2]
if ref == '' then ref = redis.call('GET', P .. 'k:' .. two(ARGV[3], ARGV[4])) or '' end
return shown(ref) or false
"""

# What follows an entry that may be gone by now: where it would stand.
PAGE: Final = f"""{_PRELUDE}
local index, at, last = P .. ARGV[2], ARGV[3], ARGV[4]
local start = redis.call('ZRANK', index, last)
if start then
  start = start + 1
else
  redis.call('ZADD', index, at, last)
  start = redis.call('ZRANK', index, last)
  redis.call('ZREM', index, last)
end
local page = {{}}
for _, ref in ipairs(redis.call('ZRANGE', index, start, start + tonumber(ARGV[5]) - 1)) do
  page[#page + 1] = shown(ref)
end
return page
"""

WANTED: Final = f"""{_PRELUDE}
local found, seen = {{}}, {{}}
for i = 4, #ARGV do
  for _, ref in ipairs(redis.call('ZRANGEBYSCORE', P .. ARGV[i], ARGV[3], '+inf')) do
    if not seen[ref] and redis.call('HGET', P .. 'm:' .. ref, 'tenant') == ARGV[2] then
      found[#found + 1] = shown(ref)
    end
    seen[ref] = true
  end
end
return found
"""

KEEP: Final = f"""{_PRELUDE}
local log, mark, at, number = P .. ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('ZADD', log .. ':at', 'NX', at, mark) == 0 then return 0 end
redis.call('ZADD', log .. ':order', redis.call('INCR', log .. ':last'), mark)
redis.call('HSET', log .. ':text', mark, ARGV[6])
if number ~= '' then
  redis.call('SADD', log .. ':' .. number, mark)
  redis.call('HSET', log .. ':number', mark, number)
end
return 1
"""

# The number of the last one seen, then what follows it, each with its instant.
KEPT: Final = f"""{_PRELUDE}
local log = P .. ARGV[2]
local page = {{ARGV[3]}}
local rows = redis.call('ZRANGEBYSCORE', log .. ':order', '(' .. ARGV[3], '+inf', 'WITHSCORES',
  'LIMIT', 0, ARGV[4])
for i = 1, #rows, 2 do
  page[1] = rows[i + 1]
  page[#page + 1] = redis.call('ZSCORE', log .. ':at', rows[i])
  page[#page + 1] = redis.call('HGET', log .. ':text', rows[i])
end
return page
"""

LEASE: Final = f"""{_PRELUDE}
local run, worker, now, till = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local name = P .. 'l:' .. ARGV[2]
local held = redis.call('HMGET', name, 'run', 'worker', 'until')
if held[1] and not (held[1] == run and held[2] == worker) and tonumber(held[3]) > tonumber(now) then
  return 0
end
redis.call('HMSET', name, 'run', run, 'worker', worker, 'until', till)
return 1
"""

END: Final = f"""{_PRELUDE}
local name = P .. 'l:' .. ARGV[2]
local held = redis.call('HMGET', name, 'run', 'worker')
if held[1] ~= ARGV[3] or held[2] ~= ARGV[4] then return 0 end
return redis.call('DEL', name)
"""

_FORGET: Final = """
local function forget_waiting(place, fits)
  for _, text in ipairs(redis.call('LRANGE', place, 0, -1)) do
    local one = cjson.decode(text)
    if fits(one) then
      stop_waiting(place, text, one)
      redis.call('ZREM', P .. 'marks', one[1])
    end
  end
end
local function forget_kept(log, marks, known)
  local gone = 0
  for _, mark in ipairs(marks) do
    local number = redis.call('HGET', log .. ':number', mark)
    if number then redis.call('SREM', log .. ':' .. number, mark) end
    redis.call('HDEL', log .. ':number', mark)
    redis.call('ZREM', log .. ':order', mark)
    if not known or mark:sub(1, #known) ~= known then redis.call('ZREM', log .. ':at', mark) end
    gone = gone + redis.call('HDEL', log .. ':text', mark)
  end
  return gone
end
"""

# One page of what is older: the rows that count, and whether there was anything at all.
PURGE: Final = f"""{_PRELUDE}{_WAITING}{_FORGET}
local function old(key)
  return redis.call('ZRANGEBYSCORE', P .. key, '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
end
local messages, marks = old('age'), old('marks')
for _, ref in ipairs(messages) do drop(ref, row(ref)) end
for _, mark in ipairs(marks) do
  local place = redis.call('HGET', P .. 'o', mark)
  if place then forget_waiting(place, function(one) return one[1] == mark end) end
  redis.call('ZREM', P .. 'marks', mark)
end
local rows, seen = #messages, #messages + #marks
for _, log in ipairs({{'reply', 'audit'}}) do
  local gone = old(log .. ':at')
  rows, seen = rows + forget_kept(P .. log, gone), seen + #gone
end
return {{rows, seen}}
"""

# What begins a reply's mark if it holds the provider's id, no number, and so may stay.
ERASE: Final = f"""{_PRELUDE}{_WAITING}{_BESIDE}{_FORGET}
local number, known = ARGV[2], ARGV[3]
local mine = redis.call('ZRANGE', P .. 'p:' .. number, 0, -1)
for _, ref in ipairs(mine) do
  local m = row(ref)
  if m.state == 'planned' then
    drop(ref, m)
  else
    redis.call('HMSET', P .. 'm:' .. ref, 'number', '', 'subject', '', 'phone', '',
      'payload', '')
    redis.call('ZREM', P .. 's:' .. m.subject, ref)
    local texts = told(ref)
    redis.call('DEL', P .. 'x:' .. ref)
    for _, text in ipairs(texts) do
      local one = cjson.decode(text)
      local at = redis.call('ZSCORE', P .. 'marks', one[1])
      redis.call('ZREM', P .. 'marks', one[1])
      local kept = beside(ref, {{number = ''}}, one)
      if redis.call('ZADD', P .. 'marks', 'NX', at, kept[1]) == 1 then
        redis.call('RPUSH', P .. 'x:' .. ref, cjson.encode(kept))
      end
    end
  end
end
redis.call('DEL', P .. 'p:' .. number)
for _, place in ipairs(redis.call('SMEMBERS', P .. 'n:' .. number)) do
  forget_waiting(place, function(one) return one[2] == number end)
end
local replies = redis.call('SMEMBERS', P .. 'reply:' .. number)
redis.call('DEL', P .. 'n:' .. number, P .. 'reply:' .. number)
return #mine + forget_kept(P .. 'reply', replies, known)
"""
