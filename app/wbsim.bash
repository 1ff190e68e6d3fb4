# bash completion for wbsim(1). The program itself knows its commands, options and names.

_wbsim_words() {
  COMPREPLY+=($(compgen -W "$1" -- "$2"))
}

_wbsim_files() {
  compopt -o filenames
  COMPREPLY+=($(compgen -f -X "$1" -- "$2") $(compgen -d -- "$2"))
}

_wbsim() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]} program=${COMP_WORDS[0]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _wbsim_words "$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p') \
      --help --version" "$cur"
    return
  fi
  case $prev in
    --kernel | --policy | -k | -p)
      _wbsim_words "pdflush bdi $("$program" list kernels 2>/dev/null | awk 'NR > 1 { print $1 }')" "$cur"
      return ;;
    --trace)
      _wbsim_words "$("$program" run --help 2>/dev/null |
        sed -n '/^Formats/,/^Exit/ s/^  \([a-z]*\) .*/\1/p')" "$cur"
      return ;;
    --format)
      _wbsim_words "report vmstat iostat" "$cur"
      return ;;
    --out | -o | --dir)
      _wbsim_files '' "$cur"
      return ;;
  esac
  case $cur in
    -*)
      _wbsim_words "$("$program" "$command" --help 2>/dev/null |
        grep -o -E '(^| )--?[a-z][a-z-]*')" "$cur"
      return ;;
  esac
  case $command in
    run | compare | validate) _wbsim_files '!*.json' "$cur" ;;
    explain)
      _wbsim_words "$("$program" explain 2>/dev/null | awk 'NR > 1 { print $1 }')" "$cur" ;;
    list)
      _wbsim_words "kernels flushers throttles devices schedulers workloads scenarios" "$cur" ;;
    import)
      if ((COMP_CWORD == 2)); then
        _wbsim_words "fio iolog blkparse strace" "$cur"
      else
        _wbsim_files '' "$cur"
      fi ;;
    *) _wbsim_files '' "$cur" ;;
  esac
}

complete -F _wbsim wbsim
