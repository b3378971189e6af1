# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # install.sh sets them, and reads them
# Installs. Sourced by install.sh.

require_archive() {
    bundle=$(bundles_in "$here/dropins")
    case $bundle in
        '') die "$EXIT_INCOMPLETE" "$here/dropins has no model-failover-<version>.jar; unpack the archive again" ;;
        *'
'*) die "$EXIT_INCOMPLETE" "$here/dropins has more than one bundle; unpack the archive again" ;;
    esac
    for file in $POLICY_FILES; do
        [ -f "$here/operation_policies/$file" ] ||
            die "$EXIT_INCOMPLETE" "$here/operation_policies has no $file; unpack the archive again"
    done
    target=$dropins/${bundle##*/}
}

# Downgrades, and policy files that are not what an installation has put there, need --force.
require_no_loss() {
    ours=$(version_of "$bundle")
    if [ "$wants_bundle" = yes ]; then
        bundles_in "$dropins" >"$work/bundles"
        while IFS= read -r file; do
            theirs=$(version_of "$file")
            if older_than "$ours" "$theirs" && [ "$force" = no ]; then
                die "$EXIT_KEPT" "$theirs is installed, and this is $ours: give --force to go back to it"
            fi
        done <"$work/bundles"
    fi
    [ "$wants_policy" = yes ] || return 0
    for file in $POLICY_FILES; do
        there=$policies/$file
        if [ -f "$there" ] && ! cmp -s "$there" "$here/operation_policies/$file" && ! is_as_installed "$there"; then
            [ "$force" = yes ] || die "$EXIT_KEPT" "$there was changed by somebody: give --force to replace it; a copy is kept"
            keep_for_good "$there"
        fi
    done
}

policy_differs() {
    for file in $POLICY_FILES; do
        if [ -f "$policies/$file" ] && ! cmp -s "$policies/$file" "$here/operation_policies/$file"; then return 0; fi
    done
    return 1
}

# The new bundle is there before an old one goes: on a full disk the old one stays.
install_bundle() {
    install_file "$bundle" "$target"
    bundles_in "$dropins" >"$work/bundles"
    while IFS= read -r file; do
        if [ "$file" != "$target" ]; then
            keep "$file"
            take_away "$file"
        fi
    done <"$work/bundles"
    bundles_in "$home/repository/components/lib" >"$work/bundles"
    while IFS= read -r file; do warn "$file is a second copy of the bundle; remove it"; done <"$work/bundles"
}

install_policy() {
    for file in $POLICY_FILES; do install_file "$here/operation_policies/$file" "$policies/$file"; done
}

configure_toml() {
    if grep -q '^[[:space:]]*\[apim\.ai\.model_failover\]' "$toml"; then
        say "already there: [apim.ai.model_failover] in $toml"
        return
    fi
    changed=yes
    report "add an empty table [apim.ai.model_failover] to $toml"
    [ "$dry_run" = no ] || return 0
    keep "$toml"
    {
        cat "$toml"
        printf '\n# model-failover: begin\n[apim.ai.model_failover]\n'
        printf '# Every setting has its default; docs/settings.md of Model Failover lists them.\n# model-failover: end\n'
    } >"$work/toml"
    [ -f "$state/deployment.toml" ] || put "$toml" "$state/deployment.toml"
    put_toml "$work/toml"
}

# What --configure has added; the rest of the file is as it was, or as somebody has changed it since.
unconfigure_toml() {
    grep -q '^# model-failover: begin$' "$toml" || return 0
    changed=yes
    report "take the table [apim.ai.model_failover] out of $toml"
    [ "$dry_run" = no ] || return 0
    {
        cat "$state/deployment.toml" 2>/dev/null || true
        printf '\n# model-failover: begin\n[apim.ai.model_failover]\n'
        printf '# Every setting has its default; docs/settings.md of Model Failover lists them.\n# model-failover: end\n'
    } >"$work/toml"
    if [ -f "$state/deployment.toml" ] && cmp -s "$work/toml" "$toml"; then
        put_toml "$state/deployment.toml"
    else
        awk '/^# model-failover: begin$/ { out = 1 } !out { print } /^# model-failover: end$/ { out = 0 }' \
            "$toml" >"$work/rest"
        put_toml "$work/rest"
    fi
}

# The end of a change: what was kept is from now on what --rollback puts back.
remember() {
    [ "$dry_run" = no ] || return 0
    if [ -f "$state/version" ] && [ ! -f "$state/next/version" ]; then
        if [ -d "$state/installed" ]; then cp -Rp "$state/installed" "$state/next/installed"; fi
        put "$state/version" "$state/next/version"
    fi
    if [ "$wants_policy" = yes ]; then
        for file in $POLICY_FILES; do put "$here/operation_policies/$file" "$state/installed/${file##*/}"; done
    fi
    rm -rf "$state/previous"
    mv "$state/next" "$state/previous"
    printf '%s\n' "$ours" >"$work/version"
    put "$work/version" "$state/version"
}

next_steps_after_install() {
    say
    say "Next:"
    if [ "$wants_bundle" = yes ]; then
        say "- Restart this node. Every gateway node needs the bundle and a restart."
        say "- install.sh --check examines the installation, --rollback takes it back."
    else
        say "- Restart this node."
        say "- Run install.sh on every gateway node: this one gets no bundle."
    fi
    if [ "$wants_policy" = yes ]; then
        say "- The policy files are read at start and only add: a modelFailover v2 that is in the"
        say "  database already stays as it is. To replace it, delete it in the Publisher (Policies)"
        say "  and restart, or see README-INSTALL.md."
        if [ "$policy_files_changed" = yes ]; then
            say "  This applies here: other policy files were there before."
        fi
    else
        say "- The policy files belong on the control plane: run install.sh there, or import"
        say "  apictl/modelFailover.zip."
    fi
    if [ -f "$policies/specifications/modelFailover_v1.json" ] && [ "$wants_policy" = yes ]; then
        say "- The built-in modelFailover v1 stays. The Publisher lists one version per policy name:"
        say "  see \"Beside the built-in policy\" in README-INSTALL.md."
    fi
}

do_install() {
    require_archive
    if [ "$wants_policy" = yes ] && [ ! -d "$policies" ]; then
        [ "$wants_bundle" = yes ] ||
            die "$EXIT_NOT_A_HOME" "$home has no repository/resources/operation_policies;" \
                "import apictl/modelFailover.zip instead"
        warn "$home has no repository/resources/operation_policies: only the bundle is installed"
        wants_policy=no
    fi
    # All checks come before the first change.
    if [ "$wants_bundle" = yes ]; then require_writable "$dropins"; fi
    if [ "$wants_policy" = yes ]; then
        require_writable "$policies/specifications"
        require_writable "$policies/definitions"
    fi
    if [ "$configure" = yes ]; then require_writable "$home/repository/conf"; fi
    require_writable "$state"

    require_no_loss
    policy_files_changed=no
    if [ "$wants_policy" = yes ] && policy_differs; then policy_files_changed=yes; fi
    if [ "$dry_run" = no ]; then sweep; fi
    if [ "$wants_bundle" = yes ]; then install_bundle; fi
    if [ "$wants_policy" = yes ]; then install_policy; fi
    if [ "$configure" = yes ] && [ "$wants_bundle" = yes ]; then configure_toml; fi
    if [ "$changed" = no ] && [ ! -d "$state/next" ]; then
        say "Nothing to do."
        return
    fi
    remember
    next_steps_after_install
}
