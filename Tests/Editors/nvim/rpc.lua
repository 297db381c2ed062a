-- A run through Neovim's own client of JSON-RPC, without our plugin: start, stream, cancel.
local check = dofile(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h') .. '/check.lua')

local appended, changed, ending = {}, {}, nil

local function start_rpc(dispatchers)
  if vim.fn.has('nvim-0.10') == 1 then
    return vim.lsp.rpc.start({ check.program, 'serve' }, dispatchers)
  end
  return vim.lsp.rpc.start(check.program, { 'serve' }, dispatchers)
end

local rpc = start_rpc({
  notification = function(method, params)
    if method == 'run/appended' then
      vim.list_extend(appended, params.events)
    elseif method == 'run/changed' then
      table.insert(changed, params.run)
    end
  end,
  on_error = function(code, what)
    check.fail('the client reports error ' .. tostring(code) .. ': ' .. vim.inspect(what))
  end,
  on_exit = function(code, signal)
    ending = { code = code, signal = signal }
  end,
})

local function tell()
  return vim.inspect({ appended = appended, changed = changed })
end

-- The error and the result of a call.
local function call(method, params)
  local is_over, failure, answer = false, nil, nil
  rpc.request(method, params, function(...)
    is_over, failure, answer = true, ...
  end)
  check.await('no answer to ' .. method, function()
    return is_over
  end, tell)
  return failure, answer
end

local function start(script)
  local failure, answer =
    call('run/start', { plugin = 'script', prompt = script, cwd = check.folder, subscribe = true })
  check.expect(not failure, 'run/start fails: ' .. vim.inspect(failure))
  return answer.run.id
end

local function await_status(run, status)
  check.await('the run is not ' .. status, function()
    local last = changed[#changed]
    return last and last.id == run and last.status == status
  end, tell)
end

check.drive(function()
  local failure, answer = call('initialize', { clientInfo = { name = 'driver' } })
  check.expect(not failure and answer.serverInfo.name == 'reeve', 'initialize: ' .. vim.inspect(failure or answer))
  rpc.notify('initialized', vim.empty_dict())
  check.ok('initialize')

  local run = start([[echo '{"type":"text","text":"héllo"}'; while [ ! -e go ]; do sleep 0.05; done; ]]
    .. [[echo '{"type":"result","status":"ok","output":"done"}']])
  check.ok('start')

  check.await('nothing is streamed', function()
    return #appended == 1 and appended[1].text == 'héllo'
  end, tell)
  check.touch('go')
  check.await('the result is not streamed', function()
    return #appended == 2 and appended[2].output == 'done'
  end, tell)
  await_status(run, 'succeeded')
  check.ok('stream')

  local long = start('sleep 1000')
  failure, answer = call('run/cancel', { run = long })
  check.expect(not failure and answer.cancelled, 'run/cancel: ' .. vim.inspect(failure or answer))
  await_status(long, 'cancelled')
  check.ok('cancel')

  failure = call('run/get', { run = ('0'):rep(26) })
  check.expect(failure and failure.code == 1001, 'an unknown run: ' .. vim.inspect(failure))
  check.ok('error')

  failure = call('shutdown', vim.empty_dict())
  check.expect(not failure, 'shutdown: ' .. vim.inspect(failure))
  rpc.notify('exit', vim.empty_dict())
  check.await('the host does not end', function()
    return ending and ending.code == 0 and ending.signal == 0
  end, function()
    return vim.inspect(ending)
  end)
  check.ok('exit')
end)
