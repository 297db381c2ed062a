-- :checkhealth reeve
local host = require('reeve.host')

local M = {}

-- The functions had longer names until Neovim 0.9, and another home until 0.8.
local health = vim.health or require('health')
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local warn = health.warn or health.report_warn
local problem = health.error or health.report_error

-- How long a host may take to answer here, in milliseconds.
local patience = 5000

local function check_plugins()
  local answer, failure = host.request_within(patience, 'plugin/list')
  if not answer then
    return problem('plugin/list: ' .. failure.message)
  end
  for _, plugin in ipairs(answer.plugins) do
    if plugin.usable then
      ok('plugin ' .. plugin.name)
    else
      warn(('plugin %s cannot be used: %s'):format(plugin.name, plugin.why or 'unknown'))
    end
  end
  if #answer.plugins == 0 then
    warn('there are no plugins')
  end
end

function M.check()
  start('reeve')
  local command = host.launched_command()
  if vim.fn.executable(command[1]) == 0 then
    return problem(('“%s” is not a program here'):format(command[1]), {
      'Put reeve in your PATH, or',
      "require('reeve').setup({ command = { '/path/to/reeve', 'serve' } })",
    })
  end
  local answer, failure = host.request_within(patience, 'host/status')
  if not answer then
    return problem(('“%s” does not answer: %s'):format(table.concat(command, ' '), failure.message), {
      'What it wrote to stderr is in ' .. require('vim.lsp.log').get_filename(),
      '`reeve doctor` tells whether Reeve can work here.',
    })
  end
  ok(('reeve %s, process %d'):format(answer.version, answer.pid))
  if answer.ledger ~= 'ok' then
    warn('the ledger is ' .. tostring(answer.ledger) .. ': see `reeve doctor`')
  end
  check_plugins()
end

return M
