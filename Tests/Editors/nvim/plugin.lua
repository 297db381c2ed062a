-- Runs through the plugin, by its commands and keys.
local check = dofile(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h') .. '/check.lua')
check.load_plugin()
local host = require('reeve.host')
local reeve = require('reeve')

local done = [[echo '{"type":"result","status":"ok","output":"done"}']]

local function press(keys)
  local codes = vim.api.nvim_replace_termcodes(keys, true, false, true)
  vim.api.nvim_feedkeys(codes, 'xt', false)
end

-- The name of the run in this buffer, once it has one.
local function run_here()
  check.await('the buffer has no run', function()
    return vim.b.reeve_run ~= nil
  end)
  return vim.b.reeve_run
end

-- Goes to the line of the list that names a run.
local function find_in_list(run)
  check.await_text(run)
  vim.fn.search(run, 'cw')
end

local function stream()
  vim.cmd(
    [[ReeveRun script printf '%s\n' '{"type":"text","text":"hé\nllo, "}'; while [ ! -e go ]; do sleep 0.05; done; ]]
      .. [[echo '{"type":"text","text":"world"}'; echo '{"type":"tool","name":"bash","state":"started"}'; ]]
      .. [[echo '{"type":"tool","name":"bash","state":"finished","ok":true}'; echo '{"mine":1}'; echo plain; ]]
      .. done
  )
  check.await_text('\nhé\nllo, \n-- running')
  check.expect(reeve.statusline() == 'reeve: 1 running', 'the status line says ' .. reeve.statusline())
  check.touch('go')
  check.await_text('llo, world\n[tool] bash started\n[tool] bash finished\n{"mine":1}\nplain\n\n-- succeeded')
  check.expect(reeve.statusline() == '', 'the status line says ' .. reeve.statusline())
  check.ok('stream')
  check.ok('statusline')
end

local function selection()
  local source = vim.api.nvim_create_buf(true, true)
  vim.api.nvim_set_current_buf(source)
  vim.api.nvim_buf_set_lines(source, 0, -1, true, { 'not this: echo "ünd', 'das" > selected; echo é; # nor this' })
  -- From the first e on to the é before the semicolon.
  press('gg0fev' .. 'j0fé' .. '<Esc>')
  vim.cmd("'<,'>ReeveRun script " .. done .. '; touch begun')
  run_here()
  check.await_text('> echo "ünd\n> das" > selected; echo é\n')
  check.await_text('-- succeeded')
  check.await_file('selected')
  local written = vim.fn.readfile(check.folder .. '/selected')
  check.expect(vim.deep_equal(written, { 'ünd', 'das' }), 'the script wrote ' .. vim.inspect(written))
  check.ok('selection')

  vim.api.nvim_set_current_buf(source)
  vim.api.nvim_buf_set_lines(source, 0, -1, true, { 'no', done, 'no' })
  vim.cmd('2ReeveRun script')
  check.await_text('done\n-- succeeded')
  check.ok('range')
end

local function cancel()
  vim.cmd('ReeveRun script sleep 1000')
  local run = run_here()
  check.await_text('-- running')
  vim.cmd('ReeveCancel')
  check.await_text('-- cancelled (client)')
  vim.cmd('ReeveCancel! ' .. run)
  check.await_notice('it is over: cancelled (client)')
  check.ok('cancel')
end

-- Gives back a run that can be resumed once more.
local function resume()
  vim.cmd([[ReeveRun agent echo '{"type":"session","id":"s-1"}'; ]] .. done)
  local first = run_here()
  check.await_text('-- succeeded')
  local go_on = [[echo '{"type":"result","status":"ok","output":"'$1' goes on"}']]
  vim.cmd('ReeveResume ' .. first .. ' ' .. go_on)
  check.await_text('s-1 goes on\n-- succeeded')
  local second = run_here()
  check.expect(second ~= first, 'it is the same run')
  vim.cmd('ReeveResume ' .. go_on)
  check.await_text('# resumed from ' .. second)
  check.await_text('s-1 goes on\n-- succeeded')
  check.ok('resume')
  return run_here(), go_on
end

local function completion(resumable)
  local plugins = vim.fn.getcompletion('ReeveRun ', 'cmdline')
  check.expect(vim.tbl_contains(plugins, 'script') and vim.tbl_contains(plugins, 'agent'), vim.inspect(plugins))
  plugins = vim.fn.getcompletion("'<,'>ReeveRun scr", 'cmdline')
  check.expect(vim.deep_equal(plugins, { 'script' }), vim.inspect(plugins))
  check.expect(vim.tbl_isempty(vim.fn.getcompletion('ReeveRun script a', 'cmdline')), 'a prompt is completed')
  local runs = vim.fn.getcompletion('ReeveResume ', 'cmdline')
  check.expect(vim.tbl_contains(runs, resumable), vim.inspect(runs))
  vim.cmd('ReeveRun script sleep 1000')
  local live = run_here()
  runs = vim.fn.getcompletion('ReeveCancel ', 'cmdline')
  check.expect(vim.deep_equal(runs, { live }), vim.inspect(runs))
  check.ok('completion')
  return live
end

local function list(live, resumable, go_on)
  vim.cmd('ReeveRuns')
  find_in_list(live)
  press('<CR>')
  check.expect(run_here() == live, 'another run is shown')
  vim.cmd('ReeveRuns')
  find_in_list(live)
  press('c')
  check.await('the list does not tell of the end', function()
    return vim.fn.getline('.'):find('cancelled (client)', 1, true) ~= nil
  end)
  find_in_list(resumable)
  vim.ui.input = function(_, answer)
    answer(go_on)
  end
  press('r')
  check.await_text('# resumed from ' .. resumable)
  check.await_text('s-1 goes on\n-- succeeded')
  check.ok('list')
end

-- A run whose buffer was closed is shown again from its first event on, also while it goes on.
local function reopen()
  vim.cmd([[ReeveRun script echo '{"type":"text","text":"one, "}'; while [ ! -e reopened ]; do sleep 0.05; done; ]]
    .. [[echo '{"type":"text","text":"two"}'; ]] .. done)
  local run = run_here()
  check.await_text('one, \n-- running')
  vim.cmd('ReeveRuns')
  vim.cmd('bdelete! reeve://run/' .. run)
  vim.cmd('bdelete! reeve://runs')
  vim.cmd('ReeveRuns')
  find_in_list(run)
  press('<CR>')
  check.await_text('# script in ')
  check.await_text('one, \n-- running')
  check.touch('reopened')
  check.await_text('\none, two\n-- succeeded')
  check.ok('reopen')
end

local function refusal()
  vim.cmd('ReeveRun no-such-plugin hello')
  check.await_text('-- not started: ')
  check.await_notice('no-such-plugin')
  check.ok('refusal')
end

local function health()
  vim.cmd('checkhealth reeve')
  check.await_text('plugin script')
  check.ok('health')
end

local function host_pid()
  local status, failure = host.request_within(60000, 'host/status')
  check.expect(status, 'host/status: ' .. vim.inspect(failure))
  return status.pid
end

local function kill_host()
  vim.cmd('ReeveRun script touch killed; sleep 1000')
  check.await_file('killed')
  check.await_text('-- running')
  local pid = host_pid()
  vim.loop.kill(pid, 'sigkill')
  check.await_notice('the host has gone')
  check.await_text('[host] the host has gone')
  check.expect(reeve.statusline() == 'reeve: host gone', 'the status line says ' .. reeve.statusline())
  check.ok('host-killed')

  vim.cmd('ReeveRun script ' .. done)
  check.await_text('done\n-- succeeded')
  check.expect(host_pid() ~= pid, 'the host lives')
  check.ok('works-again')
end

local function missing_program()
  host.stop()
  reeve.setup({ command = { check.folder .. '/missing' } })
  vim.cmd('ReeveRun script true')
  check.await_text('-- not started: ')
  check.await_notice('is not a program here')
  check.ok('missing-program')
end

check.drive(function()
  stream()
  selection()
  cancel()
  local resumable, go_on = resume()
  list(completion(resumable), resumable, go_on)
  reopen()
  refusal()
  health()
  kill_host()
  missing_program()
end)
