;;; reeve.el --- Runs of command-line agents, under Reeve's supervision  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: processes, tools

;;; Commentary:

;; `reeve-run' starts a run of an agent plugin; its buffer shows what the
;; agent says as it says it, and as the last line how it is going.
;; `reeve-runs' lists all runs.  `reeve-doctor' tells what is amiss.
;;
;; A host, `reeve serve', is started as a child of Emacs when it is first
;; needed, and ends with it.  Emacs does not wait for it: answers come to
;; callbacks.  Only completion waits, for a second at most.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'jsonrpc)
(require 'seq)
(require 'subr-x)

(defgroup reeve nil
  "Runs of command-line agents."
  :group 'tools)

(defcustom reeve-command '("reeve" "serve")
  "The program that is launched as the host, and its arguments."
  :type '(repeat string))

(defconst reeve--completion-patience 1
  "How many seconds completion may hold up Emacs.")

(defconst reeve--list-limit 100
  "How many runs are listed.")

(defconst reeve--longest 160
  "How many characters are shown of an event of an unknown kind.")


;;; What a run's buffer knows

(defvar-local reeve--run nil
  "The run that this buffer shows, as the host last described it.")

(defvar-local reeve--source nil
  "The connection that this buffer's events come from.")

(defvar-local reeve--seen 0
  "The number of the last event that this buffer shows.")

(defvar-local reeve--has-spoken nil
  "Whether this buffer shows words of the agent.")

(defvar-local reeve--end nil
  "Where this buffer's text ends and the status line begins.")


;;; The connection to the host

(defvar reeve--connection nil
  "The connection to the present host; nil without one.")

(defvar reeve--gone nil
  "Whether the last host has gone, and no other was started since.")

(defun reeve--log-nothing ()
  "The initargs that keep `jsonrpc' from logging each message.
Emacs 30 has another name for them."
  (if (slot-exists-p 'jsonrpc-connection '-events-buffer-config)
      '(:events-buffer-config (:size 0))
    '(:events-buffer-scrollback-size 0)))

(defun reeve--launch ()
  "Start a host; its process."
  (let ((default-directory (if (file-remote-p default-directory) "/" default-directory)))
    (unless (executable-find (car reeve-command))
      (user-error "“%s” is not a program here (M-x reeve-doctor)" (car reeve-command)))
    (make-process :name "reeve" :command reeve-command :connection-type 'pipe
                  :coding 'utf-8-emacs-unix :noquery t
                  :stderr (get-buffer-create "*reeve stderr*"))))

(defun reeve--connected ()
  "The connection to the host, which is started if there is none."
  (unless (and reeve--connection (jsonrpc-running-p reeve--connection))
    (setq reeve--connection
          (apply #'make-instance 'jsonrpc-process-connection
                 :name "reeve" :process #'reeve--launch
                 :notification-dispatcher #'reeve--notified
                 :on-shutdown #'reeve--lost
                 (reeve--log-nothing))
          reeve--gone nil))
  reeve--connection)

(defun reeve--complain (failure)
  "Tell of FAILURE, the error object of a call.
Of a host that has gone, code -1 to `jsonrpc', `reeve--lost' tells."
  (unless (eql (plist-get failure :code) -1)
    (message "reeve: %s" (plist-get failure :message))))

(defun reeve--request (method params success &optional failure)
  "Call METHOD of the host with PARAMS, a property list.
SUCCESS gets the result, FAILURE the error object; later, as a rule."
  (let ((failure (or failure #'reeve--complain)))
    (condition-case problem
        (jsonrpc-async-request (reeve--connected) method (or params (make-hash-table))
                               :success-fn success :error-fn failure :timeout nil)
      (error (funcall failure (list :message (error-message-string problem)))))))

(defun reeve--answer (method &optional params)
  "The result of METHOD with PARAMS, for completion.
Nil if it fails or takes long."
  (let ((deadline (+ (float-time) reeve--completion-patience))
        (is-over nil)
        (answer nil))
    (reeve--request method params
                    (lambda (result) (setq answer result is-over t))
                    (lambda (_) (setq is-over t)))
    (while (and (not is-over) (< (float-time) deadline))
      (accept-process-output nil 0.05))
    answer))

(defun reeve--notified (_connection method params)
  "Take what the host says unasked: METHOD with PARAMS."
  (pcase method
    ('run/appended (reeve--appended params))
    ('run/changed
     (reeve--changed (plist-get params :run))
     (reeve--refresh-list))))

(defun reeve--lost (connection)
  "Say that the host of CONNECTION has gone, and in which buffers it is missed."
  (when (eq connection reeve--connection)
    (setq reeve--connection nil
          reeve--gone t))
  (dolist (buffer (reeve--buffers))
    (with-current-buffer buffer
      (when (eq reeve--source connection)
        (when (reeve--live-p)
          (reeve--append-line "[host] the host has gone, and with it what it ran")
          (reeve--set-status "unknown: the host has gone"))
        (setq reeve--source nil))))
  (message "reeve: the host has gone, and with it what it ran; \
the next command starts another one (see *reeve events*)"))

(defun reeve--stop ()
  "Tell the host to end.  It sees by itself to what it ran."
  (when (and reeve--connection (jsonrpc-running-p reeve--connection))
    (ignore-errors
      (jsonrpc-async-request reeve--connection 'shutdown (make-hash-table))
      (jsonrpc-notify reeve--connection 'exit (make-hash-table)))))

(add-hook 'kill-emacs-hook #'reeve--stop)


;;; What events look like

(defun reeve--compact (value)
  "VALUE as JSON, cut where it gets long."
  (truncate-string-to-width (json-encode value) reeve--longest nil nil "…"))

(defun reeve--tool-line (event)
  "The line for EVENT, of a tool."
  (format "[tool] %s %s" (or (plist-get event :name) (plist-get event :id))
          (if (eq (plist-get event :ok) :json-false) "failed" (plist-get event :state))))

(defun reeve--progress-line (event)
  "The line for EVENT, of progress."
  (let ((done (plist-get event :done))
        (total (plist-get event :total)))
    (concat "[progress] " (format "%s" (or (plist-get event :message) ""))
            (and done total (format " (%s of %s)" done total)))))

(defun reeve--result-line (event)
  "The line for EVENT, a final word; nil for an answer in words."
  (let ((output (plist-get event :output)))
    (pcase (plist-get event :status)
      ("error" (format "[error] %s" (plist-get event :error)))
      ("ok" (and output (not (stringp output)) (concat "[output] " (reeve--compact output))))
      (_ (reeve--compact event)))))

(defun reeve--type (event)
  "The type of EVENT; nil if it has none."
  (and (consp event) (plist-get event :type)))

(defun reeve--line (event)
  "The line that stands for EVENT, or nil."
  (pcase (reeve--type event)
    ("tool" (reeve--tool-line event))
    ("progress" (reeve--progress-line event))
    ("result" (reeve--result-line event))
    ("artifact" (format "[artifact] %s" (plist-get event :path)))
    ("reeve.text" (let ((text (plist-get event :text)))
                    (if (stringp text) text (reeve--compact event))))
    ("reeve.skipped" (format "[skipped] a line of %s bytes" (plist-get event :bytes)))
    ("reeve.gap" (format "[gap] events %s to %s could not be stored"
                         (plist-get event :first) (plist-get event :last)))
    ((or "usage" "session") nil)
    (_ (reeve--compact event))))

(defun reeve--delta (event)
  "The words that the agent streams with EVENT, or nil."
  (let ((text (and (equal (reeve--type event) "text") (plist-get event :text))))
    (and (stringp text) text)))

(defun reeve--answer-words (event)
  "The answer in words that comes with EVENT, or nil."
  (let ((output (and (equal (reeve--type event) "result")
                     (equal (plist-get event :status) "ok")
                     (plist-get event :output))))
    (and (stringp output) output)))

(defun reeve--status (run)
  "How RUN is going, or went, in a few words."
  (let ((reason (plist-get run :reason))
        (trouble (plist-get run :error)))
    (replace-regexp-in-string
     "[[:space:]]+" " "
     (concat (plist-get run :status)
             (and reason (format " (%s)" reason))
             (and trouble (format ": %s" trouble))))))


;;; The buffer of a run

(defvar reeve-run-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map "c" #'reeve-cancel)
    (define-key map "r" #'reeve-resume)
    map)
  "Keys in the buffer of a run; g looks again, q closes.")

(defconst reeve--font-lock-keywords
  '(("\\`# .*" . 'bold)
    ("^> .*" . 'shadow)
    ("^\\[\\(?:tool\\|progress\\|artifact\\|output\\|skipped\\|gap\\)\\] .*" . 'shadow)
    ("^\\[\\(?:error\\|host\\)\\] .*" . 'error)
    ("^-- .*\\'" . 'font-lock-keyword-face))
  "What is not the agent's own words stands back.")

(define-derived-mode reeve-run-mode special-mode "Reeve"
  "The buffer of a run."
  (buffer-disable-undo)
  (setq-local revert-buffer-function #'reeve--look-again)
  (setq-local font-lock-defaults '(reeve--font-lock-keywords t)))

(defun reeve--buffers ()
  "The buffers of runs."
  (seq-filter (lambda (buffer) (eq (buffer-local-value 'major-mode buffer) 'reeve-run-mode))
              (buffer-list)))

(defun reeve--buffer-of (id)
  "The buffer of the run called ID, or nil."
  (seq-find (lambda (buffer) (equal (plist-get (buffer-local-value 'reeve--run buffer) :id) id))
            (reeve--buffers)))

(defun reeve--live-p ()
  "Whether this buffer's run is going on."
  (and reeve--source (not (plist-get reeve--run :settled))))

(defmacro reeve--editing (&rest body)
  "Do BODY, which edits this buffer.  Who is at its end stays there."
  (declare (indent 0) (debug t))
  (let ((windows (make-symbol "windows"))
        (is-at-end (make-symbol "is-at-end")))
    `(let ((inhibit-read-only t)
           (,is-at-end (eobp))
           (,windows (seq-filter (lambda (window) (= (window-point window) (point-max)))
                                 (get-buffer-window-list nil nil t))))
       (save-excursion ,@body)
       (when ,is-at-end (goto-char (point-max)))
       (dolist (window ,windows) (set-window-point window (point-max))))))

(defun reeve--append (text)
  "Add TEXT above the status line."
  (reeve--editing
    (goto-char reeve--end)
    (insert text)
    (set-marker reeve--end (point))))

(defun reeve--append-line (line)
  "Add LINE above the status line."
  (reeve--append (concat (if (eq (char-before reeve--end) ?\n) "" "\n") line "\n")))

(defun reeve--set-status (text)
  "Make TEXT the status line."
  (reeve--editing
    (delete-region reeve--end (point-max))
    (goto-char (point-max))
    (insert "\n-- " text)))

(defun reeve--make-buffer (name title prompt)
  "Make a buffer called NAME for a run, with TITLE and PROMPT, which may be nil."
  (with-current-buffer (generate-new-buffer name)
    (reeve-run-mode)
    (setq reeve--end (point-min-marker))
    (reeve--append (concat "# " title "\n\n"))
    (when prompt
      (reeve--append (concat "> " (string-replace "\n" "\n> " prompt) "\n\n")))
    (reeve--set-status "starting")
    (current-buffer)))

(defun reeve--add-event (event)
  "Show EVENT."
  (let ((words (or (reeve--delta event)
                   (and (not reeve--has-spoken) (reeve--answer-words event)))))
    (if words
        (progn (setq reeve--has-spoken (or reeve--has-spoken (not (string-empty-p words))))
               (reeve--append words))
      (when-let* ((line (reeve--line event)))
        (reeve--append-line line)))))

(defun reeve--add-unspoken-answer ()
  "Show the answer of an agent whose words Reeve knows and we do not."
  (when-let* ((text (and (plist-get reeve--run :settled)
                        (not reeve--has-spoken)
                        (>= reeve--seen (plist-get reeve--run :events))
                        (plist-get reeve--run :text))))
    (setq reeve--has-spoken t)
    (reeve--append-line text)))

(defun reeve--first-number (params)
  "The number of the first event that PARAMS, of a notification, tell of.
One about a gap has the number of the last in its place."
  (let ((event (seq-first (plist-get params :events))))
    (if (and (equal (reeve--type event) "reeve.gap") (integerp (plist-get event :first)))
        (plist-get event :first)
      (plist-get params :first))))

(defun reeve--add-events (events first)
  "Show EVENTS, numbered from FIRST on, but for those that were shown already."
  (seq-do #'reeve--add-event (seq-drop events (max 0 (- (1+ reeve--seen) first))))
  (setq reeve--seen (max reeve--seen (+ first (length events) -1)))
  (reeve--add-unspoken-answer))

(defun reeve--appended (params)
  "Show the events in PARAMS.
If some are missing before them, a buffer was closed and opened again: those
are on their way, and after them these once more."
  (when-let* ((buffer (reeve--buffer-of (plist-get params :run))))
    (with-current-buffer buffer
      (when (<= (reeve--first-number params) (1+ reeve--seen))
        (reeve--add-events (plist-get params :events) (plist-get params :first))))))

(defun reeve--show-run (run)
  "Show in this buffer how RUN is going."
  (setq reeve--run run)
  (reeve--add-unspoken-answer)
  (reeve--set-status (reeve--status run)))

(defun reeve--changed (run)
  "Show how RUN is going, if it has a buffer."
  (when-let* ((buffer (reeve--buffer-of (plist-get run :id))))
    (with-current-buffer buffer
      (reeve--show-run run))))

(defun reeve--follow ()
  "Have what is missing in this buffer sent, unless it is being sent."
  (let ((buffer (current-buffer)))
    (unless (and reeve--source (eq reeve--source reeve--connection))
      (reeve--request 'run/subscribe
                      (list :run (plist-get reeve--run :id) :after reeve--seen)
                      (lambda (_)
                        (when (buffer-live-p buffer)
                          (with-current-buffer buffer
                            (setq reeve--source reeve--connection))))))))

(defun reeve--look-again (&rest _)
  "Ask the host how this buffer's run is going: what a list says may be old."
  (reeve--follow)
  (reeve--request 'run/get (list :run (plist-get reeve--run :id))
                  (lambda (answer) (reeve--changed (plist-get answer :run)))))

(defun reeve--open (run)
  "Show RUN from its first event on, or go on where its buffer ends."
  (pop-to-buffer
   (or (reeve--buffer-of (plist-get run :id))
       (let* ((plugin (plist-get run :plugin))
              (title (format "%s in %s" plugin (plist-get run :cwd))))
         (with-current-buffer (reeve--make-buffer (format "*reeve %s*" plugin) title nil)
           (reeve--show-run run)
           (current-buffer)))))
  (goto-char (point-max))
  (reeve--look-again))


;;; The list of runs

(defvar-local reeve--listed nil
  "The runs that are listed here.")

(defvar reeve-runs-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'reeve-open)
    (define-key map "c" #'reeve-cancel)
    (define-key map "r" #'reeve-resume)
    map)
  "Keys in the list of runs; g looks again, q closes.")

(define-derived-mode reeve-runs-mode tabulated-list-mode "Reeve Runs"
  "The list of runs, newest first."
  (setq tabulated-list-format [("Run" 26 nil) ("Created" 19 nil) ("Plugin" 12 t) ("Status" 0 t)])
  (setq-local revert-buffer-function (lambda (&rest _) (reeve--refresh-list)))
  (tabulated-list-init-header))

(defun reeve--entry (run)
  "The line of the list for RUN."
  (list (plist-get run :id)
        (vector (plist-get run :id)
                (string-replace "T" " " (substring (plist-get run :created) 0 19))
                (plist-get run :plugin)
                (reeve--status run))))

(defun reeve--refresh-list ()
  "Ask for the list again, if there is one."
  (when-let* ((buffer (get-buffer "*reeve runs*")))
    (reeve--request 'run/list (list :limit reeve--list-limit)
                    (lambda (answer)
                      (when (buffer-live-p buffer)
                        (with-current-buffer buffer
                          (setq reeve--listed (append (plist-get answer :runs) nil)
                                tabulated-list-entries (mapcar #'reeve--entry reeve--listed))
                          (tabulated-list-print t)))))))

(defun reeve-open ()
  "Show the run on this line of the list."
  (interactive nil reeve-runs-mode)
  (let ((id (tabulated-list-get-id)))
    (reeve--open (or (seq-find (lambda (run) (equal (plist-get run :id) id)) reeve--listed)
                     (user-error "There is no run on this line")))))

;;;###autoload
(defun reeve-runs ()
  "List the runs, newest first."
  (interactive)
  (with-current-buffer (get-buffer-create "*reeve runs*")
    (unless (derived-mode-p 'reeve-runs-mode)
      (reeve-runs-mode))
    (pop-to-buffer (current-buffer)))
  (reeve--refresh-list))


;;; Commands

(defun reeve--read-plugin ()
  "Read the name of a plugin."
  (let* ((plugins (plist-get (reeve--answer 'plugin/list) :plugins))
         (usable (seq-filter (lambda (plugin) (eq (plist-get plugin :usable) t)) plugins)))
    (completing-read "Plugin: " (mapcar (lambda (plugin) (plist-get plugin :name)) usable))))

(defun reeve--read-prompt (question)
  "Ask QUESTION; the answer, followed by the region if there is an active one."
  (let ((region (and (use-region-p)
                     (buffer-substring-no-properties (region-beginning) (region-end))))
        (prompt (read-string question)))
    (cond ((not region) prompt)
          ((string-empty-p prompt) region)
          (t (concat prompt "\n\n" region)))))

(defun reeve--run-here ()
  "The name of the run of this buffer or on this line of the list, or nil."
  (if (derived-mode-p 'reeve-runs-mode)
      (tabulated-list-get-id)
    (plist-get reeve--run :id)))

(defun reeve--read-run (question is-wanted)
  "The name of the run here, else the answer to QUESTION.
The candidates are the runs for which IS-WANTED gives non-nil."
  (or (reeve--run-here)
      (let ((runs (plist-get (reeve--answer 'run/list (list :limit reeve--list-limit)) :runs)))
        (completing-read question (mapcar (lambda (run) (plist-get run :id))
                                          (seq-filter is-wanted runs))))))

(defun reeve--begin (method buffer params)
  "Start a run by METHOD with PARAMS and show it in BUFFER."
  (pop-to-buffer buffer)
  (goto-char (point-max))
  (reeve--request
   method (append params '(:subscribe t))
   (lambda (answer)
     (when (buffer-live-p buffer)
       (with-current-buffer buffer
         (setq reeve--source reeve--connection)
         (reeve--show-run (plist-get answer :run))))
     (reeve--refresh-list))
   (lambda (failure)
     (reeve--complain failure)
     (when (buffer-live-p buffer)
       (with-current-buffer buffer
         (reeve--set-status (concat "not started: " (plist-get failure :message))))))))

;;;###autoload
(defun reeve-run (plugin prompt)
  "Start a run of PLUGIN with PROMPT in the current directory.
Interactively, the active region is appended to the prompt."
  (interactive (list (reeve--read-plugin) (reeve--read-prompt "Prompt: ")))
  (let ((directory (expand-file-name default-directory)))
    (when (file-remote-p directory)
      (user-error "Reeve runs agents on this machine, not in %s" directory))
    (reeve--begin 'run/start
                  (reeve--make-buffer (format "*reeve %s*" plugin)
                                      (format "%s in %s" plugin directory) prompt)
                  (list :plugin plugin :prompt prompt :cwd directory))))

;;;###autoload
(defun reeve-resume (run prompt)
  "Go on with the session of RUN, which is over, as a new run with PROMPT.
Interactively, RUN is the one of this buffer or line, if there is one."
  (interactive (list (reeve--read-run "Resume run: " (lambda (run) (and (plist-get run :settled)
                                                                        (plist-get run :session))))
                     (reeve--read-prompt "Resume with: ")))
  (reeve--begin 'run/resume
                (reeve--make-buffer "*reeve resumed*" (concat "resumed from " run) prompt)
                (list :run run :prompt prompt)))

;;;###autoload
(defun reeve-cancel (run &optional now)
  "Cancel RUN; with NOW, the prefix argument, it gets hardly any time to end.
Interactively, RUN is the one of this buffer or line, if there is one."
  (interactive (list (reeve--read-run "Cancel run: " (lambda (run) (not (plist-get run :settled))))
                     current-prefix-arg))
  (reeve--request 'run/cancel (list :run run :urgency (if now "now" "normal"))
                  (lambda (answer)
                    (unless (eq (plist-get answer :cancelled) t)
                      (message "reeve: nothing to cancel, it is over: %s"
                               (reeve--status (plist-get answer :run))))
                    (reeve--refresh-list))))

(defun reeve-mode-line ()
  "What the mode line may show: how many runs go on, or that the host has gone."
  (let ((count (seq-count (lambda (buffer) (with-current-buffer buffer (reeve--live-p)))
                          (reeve--buffers))))
    (cond (reeve--gone "reeve: host gone")
          ((> count 0) (format "reeve: %d running" count))
          (t ""))))


;;; The doctor

(defun reeve--diagnose (buffer format &rest values)
  "Add a line to BUFFER: FORMAT with VALUES."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (let ((inhibit-read-only t))
        (goto-char (point-max))
        (insert (apply #'format format values) "\n")))))

(defun reeve--diagnose-plugin (buffer plugin)
  "Add a line about PLUGIN to BUFFER."
  (if (eq (plist-get plugin :usable) t)
      (reeve--diagnose buffer "ok: plugin %s" (plist-get plugin :name))
    (reeve--diagnose buffer "WARNING: plugin %s cannot be used: %s"
                     (plist-get plugin :name) (or (plist-get plugin :why) "unknown"))))

;;;###autoload
(defun reeve-doctor ()
  "Tell whether Reeve can be used from this Emacs."
  (interactive)
  (let* ((buffer (get-buffer-create "*reeve doctor*"))
         (fail (lambda (failure)
                 (reeve--diagnose buffer "PROBLEM: %s" (plist-get failure :message)))))
    (with-current-buffer buffer
      (special-mode)
      (let ((inhibit-read-only t)) (erase-buffer)))
    (reeve--diagnose buffer "The host is launched as: %s" (string-join reeve-command " "))
    (reeve--diagnose buffer "What it writes to stderr is in the buffer *reeve events*.")
    (reeve--diagnose buffer "Whether Reeve can work here at all is told by: reeve doctor\n")
    (pop-to-buffer buffer)
    (reeve--request 'host/status nil
                    (lambda (status)
                      (reeve--diagnose buffer "ok: reeve %s, process %s, ledger %s"
                                       (plist-get status :version) (plist-get status :pid)
                                       (plist-get status :ledger)))
                    fail)
    (reeve--request 'plugin/list nil
                    (lambda (answer)
                      (seq-do (lambda (plugin) (reeve--diagnose-plugin buffer plugin))
                              (plist-get answer :plugins)))
                    fail)))

(provide 'reeve)

;;; reeve.el ends here
