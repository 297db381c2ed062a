-- The connection to a host: `reeve serve` as a child of this editor, started when it is first needed.
local M = {}

-- What is launched; see require('reeve').setup.
M.command = nil

-- Called with the method and the parameters of what the host says unasked.
M.on_notification = function(_, _) end

-- Called with the reason when the host has gone though nobody asked it to.
M.on_vanished = function(_) end

-- Whether the last host has gone though nobody asked it to, and no other was started since.
M.has_vanished = false

-- The live connection: `rpc`, and `pending`, the callbacks of calls that have no answer yet. Nil without a host.
local connection

-- Members that are null become absent, as Neovim 0.7 to 0.9 have it: unknown is nil everywhere here.
local function without_null(value)
  if type(value) == 'table' then
    for key, member in pairs(value) do
      if member == vim.NIL and type(key) == 'string' then
        value[key] = nil
      else
        without_null(member)
      end
    end
  end
  return value
end

-- Until Neovim 0.9 the program and its arguments were two parameters.
local function start_rpc(command, dispatchers)
  if vim.fn.has('nvim-0.10') == 1 then
    return vim.lsp.rpc.start(command, dispatchers)
  end
  return vim.lsp.rpc.start(command[1], vim.list_slice(command, 2), dispatchers)
end

-- Runs once for each host, however it ended. Calls that it did not answer fail.
local function ended(mine, code, signal)
  if connection == mine then
    connection = nil
    M.has_vanished = not mine.is_leaving
  end
  local reason = signal ~= 0 and ('signal ' .. signal) or ('exit code ' .. code)
  if not mine.is_leaving then
    M.on_vanished(reason)
  end
  for _, callback in pairs(mine.pending) do
    callback({ message = 'the host has gone (' .. reason .. ')', is_told = true })
  end
end

-- The command that is launched: as set up, as the global variable says, or the default.
function M.launched_command()
  return M.command or vim.g.reeve_command or { 'reeve', 'serve' }
end

-- A new connection, or nil and the reason why there is none.
local function connect()
  local command = M.launched_command()
  if vim.fn.executable(command[1]) == 0 then
    return nil, ('“%s” is not a program here (:checkhealth reeve)'):format(command[1])
  end
  local mine = { pending = {} }
  local is_started, rpc = pcall(start_rpc, command, {
    notification = function(method, params)
      M.on_notification(method, without_null(params))
    end,
    on_exit = vim.schedule_wrap(function(code, signal)
      ended(mine, code, signal)
    end),
  })
  if not is_started or not rpc then
    return nil, ('“%s” could not be started'):format(table.concat(command, ' '))
  end
  mine.rpc = rpc
  M.has_vanished = false
  return mine
end

-- The connection, made anew if there is none.
local function connected()
  local reason
  if not connection then
    connection, reason = connect()
  end
  return connection, reason
end

-- Calls the host; `callback(error, result)` is called exactly once, later. The error has a `message`, and `is_told` if
-- the user knows of it already.
function M.request(method, params, callback)
  local mine, reason = connected()
  if not mine then
    vim.schedule(function()
      callback({ message = reason })
    end)
    return
  end
  local token = {}
  mine.pending[token] = callback
  local is_sent = mine.rpc.request(method, params or vim.empty_dict(), function(failure, result)
    if mine.pending[token] then
      mine.pending[token] = nil
      callback(failure, without_null(result))
    end
  end)
  if not is_sent then
    mine.pending[token] = nil
    vim.schedule(function()
      callback({ message = 'the host is going away' })
    end)
  end
end

-- The host's answer if it comes within so many milliseconds, else nil and the reason: for completion and health checks,
-- which cannot wait for a callback.
function M.request_within(milliseconds, method, params)
  local is_over, failure, answer = false, nil, nil
  M.request(method, params, function(...)
    is_over, failure, answer = true, ...
  end)
  if not vim.wait(milliseconds, function()
    return is_over
  end, 10) then
    return nil, { message = 'no answer within ' .. milliseconds .. ' ms' }
  end
  return answer, failure
end

-- What stands for the present host; changes when another one is started. Nil without a host.
function M.current()
  return connection
end

-- Tells the host to end and gives it a moment to hear of it; it sees by itself to what it ran.
function M.stop()
  local mine = connection
  if not mine then
    return
  end
  mine.is_leaving = true
  mine.rpc.request('shutdown', vim.empty_dict(), function() end)
  mine.rpc.notify('exit', vim.empty_dict())
  vim.wait(300, function()
    return connection ~= mine
  end, 10)
end

return M
