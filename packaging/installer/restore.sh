# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # install.sh sets them, and reads them
# Rolls back and uninstalls. Sourced by install.sh.

# Directories that an installation has made go when they are empty.
remove_made_directories() {
    [ -f "$state/made-directories" ] || return 0
    sort -r "$state/made-directories" >"$work/made"
    while IFS= read -r dir; do rmdir "$home/$dir" 2>/dev/null || true; done <"$work/made"
}

forget() {
    [ "$dry_run" = no ] || return 0
    remove_made_directories
    rm -rf "$state/next" "$state/previous" "$state/installed"
    rm -f "$state/version" "$state/made-directories" "$state/deployment.toml"
    if [ -d "$state" ] && ! rmdir "$state" 2>/dev/null; then
        say "kept: $state/kept has the files that were replaced by force; remove it when they are not needed"
    fi
}

do_rollback() {
    from=$state/previous
    if [ -d "$state/next" ]; then from=$state/next; fi
    if [ ! -d "$from" ]; then
        say "Nothing to do: no installation is remembered here, or it was rolled back already."
        return
    fi
    require_writable "$state"
    if [ "$wants_bundle" = yes ]; then require_writable "$dropins"; fi
    if [ -d "$from/files" ]; then
        (cd "$from/files" && find . -type f) | sed 's/^\.\///' >"$work/files"
        while IFS= read -r file; do
            report "put back $home/$file"
            [ "$dry_run" = no ] || continue
            if [ "$home/$file" = "$toml" ]; then
                put_toml "$from/files/$file"
            else
                put "$from/files/$file" "$home/$file"
            fi
        done <"$work/files"
    fi
    if [ -f "$from/absent" ]; then
        while IFS= read -r file; do
            if [ -f "$home/$file" ]; then take_away "$home/$file"; fi
        done <"$from/absent"
    fi
    if [ "$dry_run" = no ]; then
        sweep
        if [ -f "$from/version" ]; then
            rm -rf "$state/installed"
            if [ -d "$from/installed" ]; then mv "$from/installed" "$state/installed"; fi
            put "$from/version" "$state/version"
            rm -rf "$from"
        elif [ "$from" = "$state/next" ] && [ -f "$state/version" ]; then
            rm -rf "$from"
        else
            forget
        fi
    fi
    say
    say "Next:"
    say "- Restart this node. Policies in the database stay as they are."
}

do_uninstall() {
    {
        bundles_in "$dropins"
        for file in $POLICY_FILES; do
            if [ -f "$policies/$file" ]; then printf '%s\n' "$policies/$file"; fi
        done
    } >"$work/ours"
    if [ ! -s "$work/ours" ] && [ ! -e "$state/version" ]; then
        say "Nothing to do: Model Failover is not installed here."
        return
    fi
    while IFS= read -r file; do
        require_writable "$(dirname "$file")"
        case $file in *.jar) continue ;; esac
        if [ -d "$state/installed" ] && ! is_as_installed "$file"; then
            [ "$force" = yes ] || die "$EXIT_KEPT" "$file was changed by somebody: give --force to take it away; a copy is kept"
            keep_for_good "$file"
        fi
    done <"$work/ours"
    while IFS= read -r file; do take_away "$file"; done <"$work/ours"
    unconfigure_toml
    if [ "$dry_run" = no ]; then sweep; fi
    forget

    say
    say "Next:"
    say "- An API whose policy is modelFailover v2 does not deploy on a gateway without the bundle:"
    say "  take the policy off those APIs and redeploy them first, then restart this node."
    if [ "$wants_policy" = yes ]; then
        say "- The database keeps modelFailover v2: delete it in the Publisher (Policies), or with"
        say "  policies.sh delete modelFailover v2. Not with apictl delete policy: it does not send the"
        say "  version, and may delete the built-in v1."
    fi
}
