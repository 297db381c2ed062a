-- The commands. What they do is loaded when one of them is first used.
if vim.g.loaded_reeve then
  return
end
vim.g.loaded_reeve = true

local function command(name, action, options)
  vim.api.nvim_create_user_command(name, function(arguments)
    require('reeve')[action](arguments)
  end, options)
end

local function completion(name)
  return function(...)
    return require('reeve')[name](...)
  end
end

command('ReeveRun', 'run_command', { nargs = '+', range = true, complete = completion('complete_plugin') })
command('ReeveRuns', 'runs_command', {})
command('ReeveCancel', 'cancel_command', { nargs = '?', bang = true, complete = completion('complete_live_run') })
command('ReeveResume', 'resume_command', { nargs = '+', complete = completion('complete_ended_run') })
