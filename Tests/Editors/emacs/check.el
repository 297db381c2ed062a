;;; check.el --- What the drivers have in common  -*- lexical-binding: t; -*-

;;; Commentary:

;; A driver is run by `emacs -Q --batch -l DRIVER'; REEVE_PROGRAM is the
;; program to test, REEVE_FOLDER a folder to work in.  It prints “ok NAME” for
;; each thing that holds, and ends with code 1 and the reason at the first that
;; does not.

;;; Code:

(require 'cl-lib)
(require 'jsonrpc)
(require 'seq)

(defconst check-patience 60
  "How many seconds anything may take: generous, for a busy machine.")

(defconst check-program (or (getenv "REEVE_PROGRAM") (error "REEVE_PROGRAM is not set")))
(defconst check-folder
  (file-name-as-directory (or (getenv "REEVE_FOLDER") (error "REEVE_FOLDER is not set"))))
(setq default-directory check-folder)

(defvar check-notices nil
  "What the user was told, newest first.")

(advice-add 'message :before
            (lambda (format &rest values)
              (when format (push (apply #'format-message format values) check-notices))))

(defun check-ok (name)
  "Say that NAME holds, at once."
  (send-string-to-terminal (format "ok %s\n" name)))

(defun check-text (&optional buffer)
  "All text of BUFFER, or of the current one."
  (with-current-buffer (or buffer (window-buffer))
    (buffer-substring-no-properties (point-min) (point-max))))

(defun check-fail (what)
  "End with the reason WHAT."
  (error "%s\nbuffer: %s\nnotices: %S" what (check-text) (reverse check-notices)))

(defun check-expect (condition what)
  "Fail with WHAT unless CONDITION holds."
  (unless condition (check-fail what)))

(defun check-await (what condition)
  "Wait until the function CONDITION gives non-nil, which is returned; else fail with WHAT."
  (let ((deadline (+ (float-time) check-patience))
        (value nil))
    (while (not (setq value (funcall condition)))
      (when (> (float-time) deadline) (check-fail what))
      (accept-process-output nil 0.01))
    value))

(defun check-await-text (wanted)
  "Wait until the shown buffer contains WANTED."
  (check-await (format "“%s” does not come" wanted)
               (lambda () (string-search wanted (check-text)))))

(defun check-await-notice (wanted)
  "Wait until the user was told WANTED."
  (check-await (format "nobody says “%s”" wanted)
               (lambda () (seq-some (lambda (notice) (string-search wanted notice)) check-notices))))

(defun check-touch (name)
  "Make an empty file NAME in the folder, for which a script waits."
  (write-region "" nil (concat check-folder name) nil 'silently))

(defun check-await-file (name)
  "Wait for a file NAME in the folder."
  (check-await (format "there is no file %s" name)
               (lambda () (file-exists-p (concat check-folder name)))))

(defconst check-here (file-name-directory (or load-file-name buffer-file-name))
  "Where the drivers lie.")

(defun check-call (connection method params)
  "Call METHOD with PARAMS over CONNECTION; (:result RESULT) or (:error ERROR).
`jsonrpc-request' is not used: in Emacs 28 it leaves by a throw, and what came
in one piece with the answer is not looked at before more comes."
  (let ((answer nil))
    (jsonrpc-async-request connection method params :timeout nil
                           :success-fn (lambda (result) (setq answer (list :result result)))
                           :error-fn (lambda (failure) (setq answer (list :error failure))))
    (check-await (format "no answer to %s" method) (lambda () answer))))

(defun check-load-package ()
  "Compile the package, in which a warning is an error, and load it."
  (require 'bytecomp)
  (let ((byte-compile-error-on-warn t)
        (byte-compile-dest-file-function (lambda (_) (concat check-folder "reeve.elc"))))
    (check-expect
     (byte-compile-file (expand-file-name "../../../plugins/editors/emacs/reeve.el" check-here))
     "it does not compile"))
  (load (concat check-folder "reeve.elc") nil t)
  (set 'reeve-command (list check-program "serve")))

(provide 'check)

;;; check.el ends here
