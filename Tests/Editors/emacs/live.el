;;; live.el --- Starts a run that does not end by itself, says so, and waits to be killed  -*- lexical-binding: t; -*-

;;; Code:

(load (expand-file-name "check" (file-name-directory load-file-name)) nil t)
(check-load-package)

(reeve-run "script" "sleep 1000 & touch live; wait")
(check-await-file "live")
(check-await-text "-- running")
(check-ok "live")
(while t (accept-process-output nil 1))

;;; live.el ends here
