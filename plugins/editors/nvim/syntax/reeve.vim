" What is not the agent's own words stands back.
syntax match reeveTitle /\%1l^# .*/
syntax match reevePrompt /^> .*/
syntax match reeveNote /\v^\[(tool|progress|artifact|output|skipped|gap)\] .*/
syntax match reeveTrouble /\v^\[(error|host)\] .*/
syntax match reeveStatus /^-- .*\%$/

highlight default link reeveTitle Title
highlight default link reevePrompt Comment
highlight default link reeveNote Comment
highlight default link reeveTrouble ErrorMsg
highlight default link reeveStatus Statement
