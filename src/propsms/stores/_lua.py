"""The scripts of `RedisStore`: one per act, each atomic on the server.

Every key of a script carries the same hash tag, so that a cluster keeps them in one slot; keys
that only the script knows are built from its first argument. Instants are microseconds in
doubles, exact up to the year 2255. Rows outlive their use by a day, by the server's clock,
which decides nothing else.

Rows of a tag: ``c:`` a challenge (hash), ``s:`` one sending of it, ``b:`` a bucket ("end:used"),
``l:`` a rolling log (list of instants), ``r:`` a reservation.
"""

from typing import Final

__all__ = [
    "CANCEL",
    "CLEAR",
    "COMMIT",
    "CONSUME",
    "COUNT",
    "HELD",
    "OPEN",
    "PEEK",
    "REFUND",
    "SPEND",
]

# A cap comes as {key, kind, span, count, cost, enforced, name, gives_back}: kind "r" with the
# window in microseconds, or "b" with the end of the bucket that holds the present instant.
_CAPS: Final = """
local P, GRACE = ARGV[1], 86400000
local function num(x) return string.format('%.0f', x) end
local function keep(key, ends, at)
  redis.call('PEXPIRE', key, num(math.max(0, math.ceil((ends - at) / 1000)) + GRACE))
end
local function bucket(key)
  local state = redis.call('GET', P .. 'b:' .. key)
  if not state then return nil end
  local e, used = string.match(state, '^(%d+):(-?%d+)$')
  return tonumber(e), tonumber(used)
end
local function look(cap, at)
  local need = math.max(cap[5], 1)
  if cap[2] == 'r' then
    local key = P .. 'l:' .. cap[1]
    local last = redis.call('LINDEX', key, -1)
    if last and tonumber(last) > at then at = tonumber(last) end
    local gone, first = 0, redis.call('LINDEX', key, 0)
    while first and tonumber(first) <= at - cap[3] do
      gone = gone + 1
      first = redis.call('LINDEX', key, gone)
    end
    local used = redis.call('LLEN', key) - gone
    local excess, free = used + need - cap[4], nil
    if excess > 0 then
      free = tonumber(redis.call('LINDEX', key, gone + excess - 1)) + cap[3]
    end
    return used, 0, free, at, gone
  end
  local ends, used, free = cap[3], 0, nil
  local e, u = bucket(cap[1])
  if e and e >= ends then ends, used = e, u end
  if used + need > cap[4] then free = ends end
  return used, ends, free, at, 0
end
local function put_bucket(key, ends, used, at)
  redis.call('SET', P .. 'b:' .. key, num(ends) .. ':' .. num(used))
  keep(P .. 'b:' .. key, ends, at)
end
local function take(cap, used, ends, at, gone)
  if ends > 0 then
    put_bucket(cap[1], ends, used + cap[5], at)
  else
    local key = P .. 'l:' .. cap[1]
    if gone > 0 then redis.call('LTRIM', key, gone, -1) end
    for _ = 1, cap[5] do redis.call('RPUSH', key, num(at)) end
    keep(key, at + cap[3], at)
  end
  return {cap[1], num(ends), num(at), num(cap[5])}
end
local function count(caps, at)
  local seen, over, worst, name, last = {}, {}, 0, '', at
  for i, cap in ipairs(caps) do
    local used, ends, free, eff, gone = look(cap, at)
    seen[i] = {used, ends, eff, gone}
    if free then
      if cap[6] == 0 then over[#over + 1] = cap[7]
      elseif free > worst then worst, name = free, cap[7] end
    end
    last = math.max(last, ends, ends > 0 and 0 or eff + cap[3])
  end
  if worst > 0 then return {name, num(worst)} end
  local charges, left = {}, {}
  for i, cap in ipairs(caps) do
    local s = seen[i]
    if cap[5] > 0 then charges[#charges + 1] = take(cap, s[1], s[2], s[3], s[4]) end
    left[i] = cap[4] - s[1] - cap[5]
  end
  return nil, charges, over, left, last
end
local function refund(charges, at)
  for _, c in ipairs(charges) do
    local ends, cost = tonumber(c[2]), tonumber(c[4])
    if ends > 0 then
      local e, used = bucket(c[1])
      if e == ends then put_bucket(c[1], e, used - cost, at) end
    else
      for _ = 1, cost do redis.call('LREM', P .. 'l:' .. c[1], -1, c[3]) end
    end
  end
end
local function give_back(key, units, at)
  local e, used = bucket(key)
  if e then put_bucket(key, e, used - units, at) end
  local log = P .. 'l:' .. key
  if units > 0 then
    local n = redis.call('LLEN', log)
    if n > 0 and units >= n then redis.call('DEL', log)
    elseif n > 0 then redis.call('LTRIM', log, 0, n - units - 1) end
  end
end
"""

# KEYS: challenge, sending. ARGV: prefix, caps, at, then the challenge.
OPEN: Final = (
    _CAPS
    + """
local caps, at = cjson.decode(ARGV[2]), tonumber(ARGV[3])
local id, doc, expires, max, binding = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local sealed, reuse, exclusive, guesses, earns = ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13]
local start, elsewhere, key = ARGV[14], ARGV[15], ARGV[16]
local old = redis.call('HMGET', KEYS[1], 'doc', 'expires', 'used', 'binding', 'sealed',
  'attempts', 'max', 'id')
local again = redis.call('GET', KEYS[2])
if again then
  return {'opened', cjson.decode(again).challenge == id and doc or old[1], '[]'}
end
local stands = old[1] and not old[3] and at < tonumber(old[2])
if stands and exclusive == '1' then return {'capped', 'no_free_code', old[2]} end
local capped, charges, over = count(caps, at)
if capped then return {'capped', capped[1], capped[2]} end
local stays = stands and reuse ~= '' and tonumber(old[2]) > tonumber(reuse)
  and old[4] == binding and old[5] == '1' and tonumber(old[6]) < tonumber(old[7])
local current, kept = id, doc
if stays then
  current, kept = old[8], old[1]
  redis.call('HINCRBY', KEYS[1], 'sendings', 1)
  local ids = redis.call('HGET', KEYS[1], 'ids')
  redis.call('HSET', KEYS[1], 'ids', ids .. ' ' .. id)
else
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'id', id, 'doc', doc, 'expires', expires, 'max', max,
    'binding', binding, 'sealed', sealed, 'guesses', guesses, 'earns', earns, 'start', start,
    'attempts', 0, 'sendings', 1, 'ids', id)
end
local ends = redis.call('HGET', KEYS[1], 'expires')
keep(KEYS[1], tonumber(ends), at)
redis.call('SET', KEYS[2], cjson.encode({key = key, challenge = current,
  charges = cjson.encode(charges), elsewhere = elsewhere}))
keep(KEYS[2], tonumber(expires), at)
return {'opened', kept, cjson.encode(over)}
"""
)

# KEYS: challenge. ARGV: prefix, at.
SPEND: Final = (
    _CAPS
    + """
local at = tonumber(ARGV[2])
local row = redis.call('HMGET', KEYS[1], 'doc', 'expires', 'used', 'start', 'attempts', 'max',
  'guesses')
if not row[1] then return false end
local attempts = tonumber(row[5])
if row[3] or at >= tonumber(row[2]) or at < tonumber(row[4]) then
  return {row[1], row[5], row[3] or '', '', ''}
end
local fewest = ''
if attempts < tonumber(row[6]) then
  local capped, _, _, left = count(cjson.decode(row[7]), at)
  if capped then return {row[1], row[5], '', '', capped[2]} end
  for _, n in ipairs(left) do if fewest == '' or n < fewest then fewest = n end end
end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
return {row[1], num(attempts + 1), '', fewest == '' and '' or num(fewest), ''}
"""
)

# KEYS: sending. ARGV: prefix, at, token of this call (a retry of it is told the same).
CONSUME: Final = (
    _CAPS
    + """
local at = tonumber(ARGV[2])
local sending = redis.call('GET', KEYS[1])
if not sending then return 0 end
sending = cjson.decode(sending)
local c = P .. 'c:' .. sending.key
local row = redis.call('HMGET', c, 'id', 'expires', 'used', 'guesses', 'earns', 'ids', 'token')
if row[1] ~= sending.challenge then return 0 end
if row[3] then return row[7] == ARGV[3] and 1 or 0 end
if at >= tonumber(row[2]) then return 0 end
redis.call('HSET', c, 'used', ARGV[2], 'token', ARGV[3])
sending.used = true
redis.call('SET', KEYS[1], cjson.encode(sending))
keep(KEYS[1], tonumber(row[2]), at)
for _, cap in ipairs(cjson.decode(row[4])) do give_back(cap[1], cap[8], at) end
for _, earn in ipairs(cjson.decode(row[5])) do give_back(earn[1], earn[2], at) end
for id in string.gmatch(row[6], '%S+') do
  if P .. 's:' .. id ~= KEYS[1] then redis.call('DEL', P .. 's:' .. id) end
end
return 1
"""
)

# KEYS: sending. ARGV: prefix, at. Answers with what other tags must give back, or false.
CANCEL: Final = (
    _CAPS
    + """
local sending = redis.call('GET', KEYS[1])
if not sending then return false end
sending = cjson.decode(sending)
if sending.used or sending.cancelled then return false end
local c = P .. 'c:' .. sending.key
local ours = redis.call('HGET', c, 'id') == sending.challenge
refund(cjson.decode(sending.charges), tonumber(ARGV[2]))
if ours and redis.call('HINCRBY', c, 'sendings', -1) > 0 then
  -- Another sending stands, and the challenge may still be known by this one's id.
  sending.cancelled = true
  redis.call('SET', KEYS[1], cjson.encode(sending))
  keep(KEYS[1], tonumber(redis.call('HGET', c, 'expires')), tonumber(ARGV[2]))
else
  redis.call('DEL', KEYS[1])
  if ours then redis.call('DEL', c) end
end
return sending.elsewhere
"""
)

# KEYS: reservation. ARGV: prefix, caps, at, "1" to remember it, what other tags counted.
COUNT: Final = (
    _CAPS
    + """
local caps, at = cjson.decode(ARGV[2]), tonumber(ARGV[3])
local remember = ARGV[4] == '1'
if remember and redis.call('EXISTS', KEYS[1]) == 1 then return {'again', '[]', '[]'} end
local capped, charges, over, _, last = count(caps, at)
if capped then return {'capped', capped[1], capped[2]} end
charges = cjson.encode(charges)
if remember then
  redis.call('SET', KEYS[1], cjson.encode({charges = charges, elsewhere = ARGV[5]}))
  keep(KEYS[1], last, at)
end
return {'counted', charges, cjson.encode(over)}
"""
)

# KEYS: reservation.
HELD: Final = "return redis.call('EXISTS', KEYS[1])"

# KEYS: reservation.
COMMIT: Final = "return redis.call('DEL', KEYS[1])"

# KEYS: reservation. ARGV: prefix, at, charges, or nothing to find them in the reservation.
REFUND: Final = (
    _CAPS
    + """
local charges, elsewhere = ARGV[3], '{}'
if charges == '' then
  local row = redis.call('GET', KEYS[1])
  if not row then return false end
  redis.call('DEL', KEYS[1])
  row = cjson.decode(row)
  charges, elsewhere = row.charges, row.elsewhere
end
refund(cjson.decode(charges), tonumber(ARGV[2]))
return elsewhere
"""
)

# ARGV: prefix, caps, at.
PEEK: Final = (
    _CAPS
    + """
local found = {}
for i, cap in ipairs(cjson.decode(ARGV[2])) do
  local used, _, free = look(cap, tonumber(ARGV[3]))
  found[2 * i - 1], found[2 * i] = num(used), free and num(free) or ''
end
return found
"""
)

# ARGV: prefix, then keys of caps.
CLEAR: Final = """
for i = 2, #ARGV do redis.call('DEL', ARGV[1] .. 'b:' .. ARGV[i], ARGV[1] .. 'l:' .. ARGV[i]) end
return 1
"""
