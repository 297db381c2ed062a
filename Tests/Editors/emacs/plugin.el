;;; plugin.el --- Runs through the package, by its commands and keys  -*- lexical-binding: t; -*-

;;; Code:

(load (expand-file-name "check" (file-name-directory load-file-name)) nil t)
(check-load-package)

(defconst plugin-done "echo '{\"type\":\"result\",\"status\":\"ok\",\"output\":\"done\"}'")
(defconst plugin-go-on "echo '{\"type\":\"result\",\"status\":\"ok\",\"output\":\"'$1' goes on\"}'")

(defun plugin-press (key)
  "Do what KEY does in the shown buffer, as a command of its own."
  (with-current-buffer (window-buffer)
    (call-interactively (key-binding (kbd key)))))

(defun plugin-run-here ()
  "The name of the shown run, once it has one."
  (check-await "the buffer has no run"
               (lambda () (plist-get (buffer-local-value 'reeve--run (window-buffer)) :id))))

(defun plugin-find-in-list (run)
  "Go to the line of the list that names RUN."
  (check-await-text run)
  (set-buffer (window-buffer))
  (goto-char (point-min))
  (search-forward run))

(defun plugin-answering (answers function)
  "Call FUNCTION; questions to the user are answered with ANSWERS, in this order."
  (cl-letf (((symbol-function 'read-string) (lambda (&rest _) (pop answers)))
            ((symbol-function 'completing-read) (lambda (&rest _) (pop answers))))
    (funcall function)))

(defun plugin-stream ()
  "Words are shown as they come."
  (reeve-run "script"
             (concat "printf '%s\\n' '{\"type\":\"text\",\"text\":\"hé\\nllo, \"}'
while [ ! -e go ]; do sleep 0.05; done
echo '{\"type\":\"text\",\"text\":\"world\"}'
echo '{\"type\":\"tool\",\"name\":\"bash\",\"state\":\"started\"}'
echo '{\"type\":\"tool\",\"name\":\"bash\",\"state\":\"finished\",\"ok\":true}'
echo '{\"mine\":1}'; echo plain; " plugin-done))
  (check-await-text "\nhé\nllo, \n-- running")
  (check-expect (equal (reeve-mode-line) "reeve: 1 running") (reeve-mode-line))
  (check-touch "go")
  (check-await-text
   "llo, world\n[tool] bash started\n[tool] bash finished\n{\"mine\":1}\nplain\n\n-- succeeded")
  (check-expect (equal (reeve-mode-line) "") (reeve-mode-line))
  (check-ok "stream")
  (check-ok "mode-line"))

(defun plugin-region ()
  "The active region is appended to the prompt."
  (with-temp-buffer
    (insert "not this: ")
    (push-mark nil t t)
    (insert "touch selected; " plugin-done)
    (let ((transient-mark-mode t))
      (plugin-answering '("script" "# see below") (lambda () (call-interactively #'reeve-run)))))
  (check-await-text "> # see below\n> \n> touch selected; echo")
  (check-await-text "done\n-- succeeded")
  (check-await-file "selected")
  (check-ok "region"))

(defun plugin-cancel ()
  "A run is cancelled, once."
  (reeve-run "script" "sleep 1000")
  (plugin-run-here)
  (check-await-text "-- running")
  (plugin-press "c")
  (check-await-text "-- cancelled (client)")
  (plugin-press "c")
  (check-await-notice "it is over: cancelled (client)")
  (plugin-press "g")
  (check-ok "cancel"))

(defun plugin-resume ()
  "A run is resumed, by name and by key; the name of one that can be resumed again."
  (reeve-run "agent" (concat "echo '{\"type\":\"session\",\"id\":\"s-1\"}'; " plugin-done))
  (check-await-text "-- succeeded")
  (let ((first (plugin-run-here)))
    (reeve-resume first plugin-go-on)
    (check-await-text (concat "# resumed from " first))
    (check-await-text "s-1 goes on\n-- succeeded")
    (check-expect (not (equal first (plugin-run-here))) "it is the same run"))
  (let ((second (plugin-run-here)))
    (plugin-answering (list plugin-go-on) (lambda () (plugin-press "r")))
    (check-await-text (concat "# resumed from " second)))
  (check-await-text "s-1 goes on\n-- succeeded")
  (check-ok "resume")
  (plugin-run-here))

(defun plugin-candidates (function)
  "The candidates that FUNCTION offers."
  (let ((candidates nil))
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_question offered &rest _) (setq candidates (append offered nil)) "")))
      (with-temp-buffer (funcall function)))
    candidates))

(defun plugin-completion (resumable)
  "Plugins and runs, such as RESUMABLE, are completed; the name of a live run."
  (let ((plugins (plugin-candidates #'reeve--read-plugin)))
    (check-expect (and (member "script" plugins) (member "agent" plugins)) (format "%S" plugins)))
  (reeve-run "script" "sleep 1000")
  (let ((live (plugin-run-here)))
    (let ((runs (plugin-candidates
                 (lambda () (reeve--read-run "" (lambda (run) (not (plist-get run :settled))))))))
      (check-expect (equal runs (list live)) (format "%S is not all of %S" live runs)))
    (let ((runs (plugin-candidates
                 (lambda () (reeve--read-run "" (lambda (run) (plist-get run :session)))))))
      (check-expect (member resumable runs) (format "%S" runs)))
    (check-ok "completion")
    live))

(defun plugin-list (live resumable)
  "The list shows runs, cancels LIVE and resumes RESUMABLE."
  (reeve-runs)
  (plugin-find-in-list live)
  (plugin-press "RET")
  (check-expect (equal (plugin-run-here) live) "another run is shown")
  (reeve-runs)
  (plugin-find-in-list live)
  (plugin-press "c")
  (check-await-text "cancelled (client)")
  (plugin-find-in-list resumable)
  (plugin-answering (list plugin-go-on) (lambda () (plugin-press "r")))
  (check-await-text (concat "# resumed from " resumable))
  (check-await-text "s-1 goes on\n-- succeeded")
  (check-ok "list"))

(defun plugin-reopen ()
  "What a closed buffer showed is shown again from the first event on, also while the run goes on."
  (reeve-run "script"
             (concat "echo '{\"type\":\"text\",\"text\":\"one, \"}'
while [ ! -e reopened ]; do sleep 0.05; done
echo '{\"type\":\"text\",\"text\":\"two\"}'; " plugin-done))
  (let ((run (plugin-run-here)))
    (check-await-text "one, \n-- running")
    (kill-buffer (window-buffer))
    (reeve-runs)
    (plugin-find-in-list run)
    (plugin-press "RET"))
  (check-await-text "# script in ")
  (check-await-text "one, \n-- running")
  (check-touch "reopened")
  (check-await-text "\none, two\n-- succeeded")
  (check-ok "reopen"))

(defun plugin-refusal ()
  "What the host refuses is told."
  (reeve-run "no-such-plugin" "hello")
  (check-await-text "-- not started: ")
  (check-await-notice "no-such-plugin")
  (check-ok "refusal"))

(defun plugin-doctor ()
  "The doctor has something to say."
  (reeve-doctor)
  (check-await-text "ok: reeve ")
  (check-await-text "ok: plugin script")
  (check-ok "doctor"))

(defun plugin-host-pid ()
  "The process id of the host."
  (let ((answer (check-call (reeve--connected) 'host/status (make-hash-table))))
    (plist-get (plist-get answer :result) :pid)))

(defun plugin-kill-host ()
  "The host is killed: that is said, and the next command starts another one."
  (reeve-run "script" "touch killed; sleep 1000")
  (check-await-file "killed")
  (check-await-text "-- running")
  (let ((pid (plugin-host-pid)))
    (signal-process pid 'KILL)
    (check-await-notice "the host has gone")
    (check-await-text "[host] the host has gone")
    (check-await-text "-- unknown: the host has gone")
    (check-expect (equal (reeve-mode-line) "reeve: host gone") (reeve-mode-line))
    (check-ok "host-killed")
    (reeve-run "script" plugin-done)
    (check-await-text "done\n-- succeeded")
    (check-expect (/= pid (plugin-host-pid)) "the host lives"))
  (check-ok "works-again"))

(defun plugin-missing-program ()
  "A program that is not there is named."
  (signal-process (plugin-host-pid) 'KILL)
  (check-await "the host lives" (lambda () (null reeve--connection)))
  (setq reeve-command (list (concat check-folder "missing")))
  (reeve-run "script" "true")
  (check-await-text "-- not started: ")
  (check-await-notice "is not a program here")
  (check-ok "missing-program"))

(check-ok "compile")
(plugin-stream)
(plugin-region)
(plugin-cancel)
(let* ((resumable (plugin-resume))
       (live (plugin-completion resumable)))
  (plugin-list live resumable))
(plugin-reopen)
(plugin-refusal)
(plugin-doctor)
(plugin-kill-host)
(plugin-missing-program)

;;; plugin.el ends here
