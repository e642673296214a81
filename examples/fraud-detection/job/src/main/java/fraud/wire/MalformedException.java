package fraud.wire;

/** Says why a record is not what its topic's schema says. */
public final class MalformedException extends Exception {
  public MalformedException(String why) {
    super(why);
  }

  public MalformedException(String why, Throwable cause) {
    super(why + ": " + cause.getMessage(), cause);
  }
}
